// Size budgets: what the compressed layers of each staged platform image have, against limits and against the last
// release. That is what the most specific moving tag of the variant holds at the destination before this release
// (`1.9` rather than `latest`, so that a patch of an older line is compared with its own line); without such a tag, the
// highest stable version below this one that an exact tag has there.
#include <fmt/format.h>

#include <algorithm>

#include "run.hpp"
#include "shipset/base/text.hpp"
#include "shipset/tags/reader.hpp"

namespace shipset::release {

namespace {

constexpr double hundred_percent = 10'000;

struct Sizes {
  std::uint64_t image = 0, layer = 0;
};

Result<Sizes> sizes_of(oci::Store& store, const Digest& digest) {
  SHIPSET_TRY(const oci::ManifestBytes bytes, store.manifest(digest));
  SHIPSET_TRY(const oci::Manifest manifest, oci::Manifest::parse(bytes.bytes, "the image " + digest.str()));
  Sizes out;
  for (const auto& layer : manifest.layers) {
    out.image += layer.size;
    out.layer = std::max(out.layer, layer.size);
  }
  return out;
}

/// Both rounded alike they could look equal: then the bytes say it.
std::string against(std::uint64_t size, std::uint64_t limit) {
  std::string left = human_bytes(size), right = human_bytes(limit);
  if (left == right) {
    left = fmt::format("{} bytes", size);
    right = fmt::format("{} bytes", limit);
  }
  return left + ", budget " + right;
}

/// Why a budget on growth was not applied; empty: it was, or there is none.
std::string unmeasured(const Budget& budget, const GateMeasure& measure) {
  if ((!budget.growth_bytes && !budget.growth_basis_points) || measure.former_bytes) return {};
  if (measure.compared_with.empty()) return "no growth was measured: there is no former release of " + measure.variant;
  return "no growth was measured: " + measure.compared_with + " has no image for " + measure.platform;
}

}  // namespace

Result<void> Run::measure(const Gate& gate, GateReport& row) {
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::string> over;
  for (const auto& [variant, image] : gated_images(gate)) {
    SHIPSET_CHECK(cancel_.check());
    auto measured = measure_image(gate, variant, image);
    if (!measured) {
      row.status = Status::failed;
      row.detail = measured.error().what + (measured.error().why.empty() ? "" : ": " + measured.error().why);
      return std::move(measured).error().with("gate", gate.name);
    }
    const std::string name = measured->variant + " " + measured->platform;
    for (const auto& limit : measured->over) over.push_back(name + ": " + limit);
    if (auto note = unmeasured(*gate.budget, *measured);
        !note.empty() && std::find(row.notes.begin(), row.notes.end(), note) == row.notes.end())
      row.notes.push_back(std::move(note));
    row.measured.push_back(std::move(*measured));
  }
  row.duration_ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin).count();
  row.status = over.empty() ? Status::done : Status::failed;
  if (over.empty()) return {};
  row.detail = join(over, "\n");
  return Error(ErrorKind::gate,
               "the gate \"" + gate.name + "\" said no: " +
                   (over.size() == 1 ? "a size is" : std::to_string(over.size()) + " sizes are") + " over budget",
               row.detail, "no tag has moved; make the images smaller, or raise the budget in the release file")
      .with("gate", gate.name);
}

Result<GateMeasure> Run::measure_image(const Gate& gate, std::size_t variant, std::size_t image) {
  const auto& built = *states_[variant].images[image];
  const Budget& budget = *gate.budget;
  GateMeasure row;
  row.variant = plan_.variants[variant].name;
  row.platform = plan_.variants[variant].images[image].task.platform.str();
  SHIPSET_TRY(const Sizes sizes, sizes_of(built.store != nullptr ? *built.store : *work_, built.manifest.digest));
  row.image_bytes = sizes.image;
  row.layer_bytes = sizes.layer;
  if (budget.image_bytes && sizes.image > *budget.image_bytes)
    row.over.push_back("image " + against(sizes.image, *budget.image_bytes));
  if (budget.layer_bytes && sizes.layer > *budget.layer_bytes)
    row.over.push_back("largest layer " + against(sizes.layer, *budget.layer_bytes));
  if (budget.growth_bytes || budget.growth_basis_points) SHIPSET_CHECK(compare_sizes(budget, variant, image, row));
  return row;
}

Result<void> Run::compare_sizes(const Budget& budget, std::size_t variant, std::size_t image, GateMeasure& row) {
  auto known = former_.find(variant);
  if (known == former_.end()) {
    SHIPSET_TRY(auto found, former_release(variant));
    known = former_.emplace(variant, std::move(found)).first;
  }
  if (!known->second) return {};
  const Former& former = *known->second;
  row.compared_with = former.reference;
  oci::Store& store = *targets_[places_of(variant).front()];
  const auto pinned =
      build::pin_base(store, former.root, former.reference, plan_.variants[variant].images[image].task.platform);
  if (!pinned && (pinned.error().kind == ErrorKind::spec || pinned.error().kind == ErrorKind::not_found)) return {};
  if (!pinned) return pinned.error();
  SHIPSET_TRY(const Sizes before, sizes_of(store, pinned->digest));
  row.former_bytes = before.image;
  if (row.image_bytes <= before.image) return {};
  const std::uint64_t grown = row.image_bytes - before.image;
  const std::string from =
      fmt::format(" ({} in {}, now {})", human_bytes(before.image), former.reference, human_bytes(row.image_bytes));
  if (budget.growth_basis_points &&
      static_cast<double>(grown) * hundred_percent >
          static_cast<double>(before.image) * static_cast<double>(*budget.growth_basis_points)) {
    const std::string percent =
        before.image == 0
            ? "from nothing"
            : fmt::format("by {:.2f} %", static_cast<double>(grown) * 100 / static_cast<double>(before.image));
    row.over.push_back(fmt::format("grew {}, budget {:g} %{}", percent, *budget.growth_basis_points / 100.0, from));
  }
  if (budget.growth_bytes && grown > *budget.growth_bytes)
    row.over.push_back("grew by " + against(grown, *budget.growth_bytes) + from);
  return {};
}

Result<std::optional<Run::Former>> Run::former_release(std::size_t variant) {
  const auto& planned = plan_.variants[variant];
  const auto places = places_of(variant);
  if (places.empty()) return std::optional<Former>();
  for (const auto& tag : plan_.tags) {
    const auto& entry = plan_.table.entries[tag.entry];
    if (tag.variant != planned.name || tag.target != places.front()) continue;
    if (entry.moves == Moves::never || !entry.platforms.empty() || !tag.current) continue;
    return std::optional<Former>({plan_.targets[tag.target].name() + ":" + tag.tag, *tag.current});
  }
  return former_version(variant);
}

Result<std::optional<Run::Former>> Run::former_version(std::size_t variant) {
  const auto& planned = plan_.variants[variant];
  const std::size_t place = places_of(variant).front();
  const Target& target = plan_.targets[place];
  oci::Store& store = *targets_[place];
  SHIPSET_TRY(const auto all, store.tags());
  const tags::VersionReader reader(*plan_.matrix, target.repository, all);
  const auto ours = Version::parse(plan_.matrix->version, plan_.matrix->scheme);
  std::optional<Version> best;  // versions come from low to high
  for (const auto& version : reader.versions(planned.name)) {
    if (ours && version.compare(*ours) >= 0) continue;
    if (version.stable() || !best || !best->stable()) best = version;
  }
  if (!best) return std::optional<Former>();
  for (const auto& tag : all) {
    if (tag.find(best->plain()) == std::string::npos) continue;
    const tags::VersionReader one(*plan_.matrix, target.repository, {tag});
    const auto& found = one.versions(planned.name);
    if (found.empty() || found.front().plain() != best->plain()) continue;
    SHIPSET_TRY(const auto root, store.resolve(tag));
    if (root) return std::optional<Former>({target.name() + ":" + tag, *root});
  }
  return std::optional<Former>();
}

}  // namespace shipset::release

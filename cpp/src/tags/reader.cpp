#include "shipset/tags/reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <unordered_map>

#include "shape_impl.hpp"
#include "shipset/tags/dialect.hpp"

namespace shipset::tags {

namespace {

constexpr std::size_t max_tag_bytes = 128;

// A readable exact rule and the variants that have it.
struct Rule {
  Shape shape;
  std::size_t literal_bytes;
  std::vector<std::size_t> variants;
};

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
};
template <class T>
using TextMap = std::unordered_map<std::string, T, TextHash, std::equal_to<>>;

// All rules by the literal text around the version, so that a tag finds its rules without trying each.
class Rules {
 public:
  Rules(const Matrix& matrix, std::string_view repository) {
    TextMap<bool> is_here;  // repositories as written → whether they are the one asked for
    for (std::size_t i = 0; i < matrix.variants.size(); ++i)
      if (publishes(matrix.variants[i], repository, is_here)) add(matrix, i);
  }

  // Every rule that may read the tag.
  template <class Visit>
  void visit(std::string_view tag, const Visit& visit) const {
    for (const std::size_t at : others_) visit(rules_[at]);
    for (std::size_t front = 0; front < tag.size(); ++front) {
      const auto behind = by_affixes_.find(tag.substr(0, front));
      if (behind == by_affixes_.end()) continue;
      for (std::size_t back = front + 1; back <= tag.size(); ++back)
        if (const auto found = behind->second.find(tag.substr(back)); found != behind->second.end())
          for (const std::size_t at : found->second) visit(rules_[at]);
    }
  }

  [[nodiscard]] bool empty() const { return rules_.empty(); }

 private:
  static bool publishes(const Variant& variant, std::string_view repository, TextMap<bool>& is_here) {
    for (const auto& text : variant.repositories) {
      auto known = is_here.find(text);
      if (known == is_here.end()) {
        const auto parsed = Reference::parse(text);
        known = is_here.emplace(text, parsed && parsed->name() == repository).first;
      }
      if (known->second) return true;
    }
    return false;
  }

  void add(const Matrix& matrix, std::size_t index) {
    for (const auto& text : evaluated_tags(matrix, matrix.variants[index]).exact_shapes) {
      auto known = rule_at_.find(text);
      if (known == rule_at_.end()) {
        auto shape = Shape::parse(text);
        if (!shape || !shape->readable(matrix.scheme)) continue;
        known = rule_at_.emplace(text, rules_.size()).first;
        if (auto affixes = shape->affixes()) {
          by_affixes_[std::move(affixes->prefix)][std::move(affixes->suffix)].push_back(rules_.size());
        } else {
          others_.push_back(rules_.size());
        }
        const std::size_t literal_bytes = shape->literal_bytes();
        rules_.push_back({std::move(*shape), literal_bytes, {}});
      }
      rules_[known->second].variants.push_back(index);
    }
  }

  std::vector<Rule> rules_;
  TextMap<std::size_t> rule_at_;
  TextMap<TextMap<std::vector<std::size_t>>> by_affixes_;  // prefix → suffix → rules
  std::vector<std::size_t> others_;
};

bool lower(const Version& left, const Version& right) {
  const int order = left.compare(right);
  return order != 0 ? order < 0 : left.plain() < right.plain();
}

}  // namespace

struct VersionReader::Data {
  const Matrix& matrix;
  std::unordered_map<std::string_view, std::vector<Version>> versions;
  std::vector<Version> none;
  bool readable = false;

  std::set<std::string, std::less<>> withdrawn_plain;

  [[nodiscard]] bool withdrawn(const Version& version) const { return withdrawn_plain.contains(version.plain()); }
};

VersionReader::VersionReader(const Matrix& matrix, std::string_view repository,
                             const std::vector<std::string>& existing_tags) {
  auto data = std::make_unique<Data>(Data{matrix, {}, {}, false, {}});
  for (const auto& text : matrix.withdrawn) data->withdrawn_plain.insert(text.starts_with('v') ? text.substr(1) : text);
  const Rules rules(matrix, repository);
  data->readable = !rules.empty();
  if (data->readable) {
    std::vector<std::pair<const Rule*, Version>> readings;
    for (const auto& tag : existing_tags) {
      if (tag.empty() || tag.size() > max_tag_bytes) continue;
      readings.clear();
      std::size_t most = 0;
      rules.visit(tag, [&](const Rule& rule) {
        if (!readings.empty() && rule.literal_bytes < most) return;
        auto version = rule.shape.read(tag, matrix.scheme);
        if (!version) return;
        if (rule.literal_bytes > most) readings.clear();
        most = rule.literal_bytes;
        readings.emplace_back(&rule, std::move(*version));
      });
      for (const auto& [rule, version] : readings)
        for (const std::size_t variant : rule->variants)
          data->versions[matrix.variants[variant].name].push_back(version);
    }
  }
  for (auto& [variant, found] : data->versions) {
    std::sort(found.begin(), found.end(), lower);
    const auto same = [](const Version& a, const Version& b) { return a.plain() == b.plain(); };
    found.erase(std::unique(found.begin(), found.end(), same), found.end());
  }
  data_ = std::move(data);
}

VersionReader::~VersionReader() = default;
VersionReader::VersionReader(VersionReader&&) noexcept = default;
VersionReader& VersionReader::operator=(VersionReader&&) noexcept = default;

bool VersionReader::readable() const {
  return data_->readable;
}

const std::vector<Version>& VersionReader::versions(std::string_view variant) const& {
  const auto found = data_->versions.find(variant);
  return found == data_->versions.end() ? data_->none : found->second;
}

ForwardDecision VersionReader::decide(const Entry& entry) const {
  const Matrix& matrix = data_->matrix;
  const std::string& text = entry.version.empty() ? matrix.version : entry.version;
  const auto ours = Version::parse(text, matrix.scheme);
  if (!ours) {
    if (text.empty()) return {false, "the release has no version"};
    return {false, fmt::format("\"{}\" is not a {} version", text, to_string(matrix.scheme))};
  }
  if (!ours->stable()) return {false, fmt::format("{} is a pre-release", ours->raw())};
  if (data_->withdrawn(*ours)) return {false, fmt::format("{} is withdrawn", ours->raw())};

  const auto shape = Shape::parse(entry.shape);
  const auto& found = versions(entry.variant);
  std::size_t count = 1;
  for (auto other = found.rbegin(); other != found.rend(); ++other) {
    if (!other->stable() || other->plain() == ours->plain() || data_->withdrawn(*other)) continue;
    if (!shape || shape->write(*other) != entry.tag) continue;
    if (other->compare(*ours) > 0) return {false, fmt::format("{} is higher", other->raw())};
    ++count;
  }
  if (count == 1) return {true, fmt::format("{} is the only stable version", ours->raw())};
  return {true, fmt::format("{} is the highest of {} stable versions", ours->raw(), count)};
}

ForwardDecision decide_forward(const Entry& entry, const Matrix& matrix,
                               const std::vector<std::string>& existing_tags) {
  return VersionReader(matrix, entry.repository, existing_tags).decide(entry);
}

bool names_whole_version(const Entry& entry, VersionScheme scheme) {
  constexpr int all = 4;
  const auto shape = Shape::parse(entry.shape);
  return shape && (shape->specificity() == all || shape->readable(scheme));
}

}  // namespace shipset::tags

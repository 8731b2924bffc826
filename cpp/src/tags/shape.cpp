#include <algorithm>
#include <array>

#include "shape_impl.hpp"
#include "shipset/base/text.hpp"

namespace shipset::tags {

namespace {

using Piece = Template::Piece;

// Names of the version, as the model's scope has them.
constexpr std::array<std::string_view, 6> part_names = {"version",       "version.plain", "version.major",
                                                        "version.minor", "version.patch", "version.prerelease"};
enum Part : std::size_t { whole, plain, major_number, minor_number, patch_number, prerelease, part_count };

std::size_t part_of(std::string_view name) {
  return static_cast<std::size_t>(std::find(part_names.begin(), part_names.end(), name) - part_names.begin());
}

class VersionScope final : public Scope {
 public:
  explicit VersionScope(const Version& version) : version_(version) {}

  [[nodiscard]] std::optional<Value> lookup(std::string_view name) const override {
    switch (const std::size_t part = part_of(name)) {
      case whole:
        return Value(version_.raw());
      case plain:
        return Value(version_.plain());
      case prerelease:
        return version_.stable() ? Value() : Value(version_.prerelease());
      case part_count:
        return std::nullopt;
      default: {
        const std::size_t at = part - major_number;
        return at < version_.numbers().size() ? Value(std::to_string(version_.numbers()[at])) : Value();
      }
    }
  }

  [[nodiscard]] std::vector<std::string> names() const override { return {part_names.begin(), part_names.end()}; }

 private:
  const Version& version_;
};

// Finds values for the placeholders of a shape that give a tag. Patterns come from a release file and tags from a
// registry, so the number of steps is bounded; what takes longer counts as not readable.
class Matcher {
 public:
  Matcher(const std::vector<Piece>& pieces, std::string_view tag, VersionScheme scheme)
      : pieces_(pieces), tag_(tag), scheme_(scheme) {}

  template <class Accept>
  std::optional<Version> find(const Accept& accept) {
    std::optional<Version> found;
    step(0, 0, [&] {
      auto version = Version::parse(candidate(), scheme_);
      if (!version || !accept(*version)) return false;
      found = std::move(version).value();
      return true;
    });
    return found;
  }

 private:
  template <class Done>
  bool step(std::size_t piece, std::size_t at, const Done& done) {
    if (++steps_ > max_steps) return false;
    if (piece == pieces_.size()) return at == tag_.size() && done();
    const Piece& p = pieces_[piece];
    if (p.name.empty()) return tag_.substr(at).starts_with(p.literal) && step(piece + 1, at + p.literal.size(), done);
    const bool dashed = p.dash_before || p.dash_after;
    if (dashed && step(piece + 1, at, done)) return true;
    const std::size_t start = at + (p.dash_before ? 1 : 0);
    if (p.dash_before && (at >= tag_.size() || tag_[at] != '-')) return false;
    const std::size_t part = part_of(p.name);
    const bool number = p.filters.empty() && part >= major_number && part <= patch_number;
    std::size_t longest = start;
    while (longest < tag_.size() && (!number || (tag_[longest] >= '0' && tag_[longest] <= '9'))) ++longest;
    // A number takes all its digits; anything else is tried from long to short.
    for (std::size_t end = longest; end > start; --end) {
      if (number && end != longest) break;
      if (p.dash_after && (end >= tag_.size() || tag_[end] != '-')) continue;
      if (take(p, part, tag_.substr(start, end - start), piece, end + (p.dash_after ? 1 : 0), done)) return true;
    }
    return false;
  }

  template <class Done>
  bool take(const Piece& p, std::size_t part, std::string_view text, std::size_t piece, std::size_t at,
            const Done& done) {
    if (!p.filters.empty() || part == part_count) return step(piece + 1, at, done);
    const auto former = taken_[part];
    if (former && *former != text) return false;
    taken_[part] = text;
    if (step(piece + 1, at, done)) return true;
    taken_[part] = former;
    return false;
  }

  [[nodiscard]] std::string candidate() const {
    if (taken_[whole]) return std::string(*taken_[whole]);
    if (taken_[plain]) return std::string(*taken_[plain]);
    std::string out;
    for (std::size_t part = major_number; part <= patch_number && taken_[part]; ++part) {
      if (part != major_number) out += '.';
      out += *taken_[part];
    }
    if (taken_[prerelease]) {
      if (scheme_ != VersionScheme::pep440) out += '-';
      out += *taken_[prerelease];
    }
    return out;
  }

  static constexpr int max_steps = 20'000;
  const std::vector<Piece>& pieces_;
  std::string_view tag_;
  VersionScheme scheme_;
  std::array<std::optional<std::string_view>, part_count> taken_;
  int steps_ = 0;
};

}  // namespace

std::optional<Shape> Shape::parse(std::string_view text) {
  auto parsed = Template::parse(text);
  if (!parsed) return std::nullopt;
  return Shape(std::move(parsed).value());
}

std::optional<std::string> Shape::write(const Version& version) const {
  auto text = template_.evaluate(VersionScope(version));
  if (!text) return std::nullopt;
  return std::move(text).value();
}

std::optional<Version> Shape::read(std::string_view tag, VersionScheme scheme) const {
  if (!readable(scheme)) return std::nullopt;
  return Matcher(template_.pieces(), tag, scheme).find([&](const Version& version) { return write(version) == tag; });
}

bool Shape::readable(VersionScheme scheme) const {
  std::array<bool, part_count> has{};
  for (const auto& piece : template_.pieces())
    if (const std::size_t part = part_of(piece.name); part < part_count && piece.filters.empty()) has[part] = true;
  if (scheme == VersionScheme::none) return false;
  if (has[whole] || has[plain]) return true;
  if (!has[major_number]) return false;
  if (scheme == VersionScheme::integer) return true;
  return has[minor_number] && (has[patch_number] || scheme != VersionScheme::semver);
}

std::size_t Shape::literal_bytes() const {
  std::size_t sum = 0;
  for (const auto& piece : template_.pieces()) sum += piece.literal.size();
  return sum;
}

int Shape::specificity() const {
  int most = 0;
  for (const auto& piece : template_.pieces()) {
    switch (part_of(piece.name)) {
      case whole:
      case plain:
        most = std::max(most, 4);
        break;
      case prerelease:
      case patch_number:
        most = std::max(most, 3);
        break;
      case minor_number:
        most = std::max(most, 2);
        break;
      case major_number:
        most = std::max(most, 1);
        break;
      default:
        break;
    }
  }
  return most;
}

std::optional<Shape::Affixes> Shape::affixes() const {
  Affixes out;
  bool seen = false;
  for (const auto& piece : template_.pieces()) {
    if (piece.name.empty()) {
      (seen ? out.suffix : out.prefix) += piece.literal;
      continue;
    }
    const std::size_t part = part_of(piece.name);
    const bool bare = piece.filters.empty() && !piece.dash_before && !piece.dash_after;
    if (seen || !bare || (part != whole && part != plain)) return std::nullopt;
    seen = true;
  }
  if (!seen) return std::nullopt;
  return out;
}

}  // namespace shipset::tags

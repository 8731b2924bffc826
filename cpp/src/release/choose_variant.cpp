// Which variant of a set fits a machine: properties of the release file against facts of the machine. Pure functions.
#include <algorithm>
#include <charconv>

#include "shipset/base/text.hpp"
#include "shipset/release/set.hpp"

namespace shipset::release {

namespace {

constexpr std::string_view separator = "::";
constexpr std::string_view lower_suffix = "_lower_bound", upper_suffix = "_upper_bound";

/// Vendor and property; names do not depend on upper and lower case.
using Feature = std::pair<std::string, std::string>;
using Features = std::map<Feature, std::vector<std::string>>;

/// Numbers of a dotted version; empty when it is none.
std::vector<std::uint64_t> numbers(const std::string& text) {
  std::vector<std::uint64_t> out;
  for (const auto& part : split(text, '.')) {
    std::uint64_t number = 0;
    const auto [end, code] = std::from_chars(part.data(), part.data() + part.size(), number);
    if (part.empty() || code != std::errc() || end != part.data() + part.size()) return {};
    out.push_back(number);
  }
  while (out.size() > 1 && out.back() == 0) out.pop_back();
  return out;
}

std::string name_of(const Feature& feature) {
  return printable(feature.first, 60) + " :: " + printable(feature.second, 80);
}

Feature plain(const Feature& feature, std::string_view suffix) {
  return {feature.first, feature.second.substr(0, feature.second.size() - suffix.size())};
}

/// What one variant asks for, and whether a machine has it.
class Demand {
 public:
  Demand(const std::vector<std::string>& properties, const Features& machine) : machine_(machine) {
    for (const auto& text : properties) {
      const auto fact = HardwareFact::parse(text);
      if (fact)
        wanted_[{to_lower(fact->vendor), to_lower(fact->property)}].push_back(fact->value);
      else if (why_.empty())
        why_ = "it asks for \"" + printable(text, 120) + "\", which is no property";
    }
    for (const auto& [feature, values] : wanted_)
      if (why_.empty()) judge(feature, values);
  }
  [[nodiscard]] const std::string& why_not() const { return why_; }
  [[nodiscard]] std::size_t count() const { return wanted_.size(); }

  /// >0: this one asks for more.
  [[nodiscard]] int compare(const Demand& other) const {
    if (count() != other.count()) return count() < other.count() ? -1 : 1;
    for (const auto& [feature, bound] : bounds_) {
      const auto at = other.bounds_.find(feature);
      if (at != other.bounds_.end() && at->second != bound) return bound < at->second ? -1 : 1;
    }
    return 0;
  }

 private:
  void judge(const Feature& feature, const std::vector<std::string>& values) {
    if (feature.second.ends_with(lower_suffix)) return judge_bound(feature, plain(feature, lower_suffix), values, true);
    if (feature.second.ends_with(upper_suffix))
      return judge_bound(feature, plain(feature, upper_suffix), values, false);
    const auto has = machine_.find(feature);
    if (has == machine_.end()) return lacks(feature, join(values, " or "));
    const bool any = std::any_of(values.begin(), values.end(), [&](const std::string& value) {
      return std::find(has->second.begin(), has->second.end(), value) != has->second.end();
    });
    if (!any)
      why_ = "it needs " + name_of(feature) + " " + printable(join(values, " or "), 120) + "; the machine has " +
             printable(join(has->second, ", "), 120);
  }

  void judge_bound(const Feature& feature, const Feature& base, const std::vector<std::string>& values, bool lower) {
    const std::string word = lower ? "at least " : "below ";
    const auto has = machine_.find(base);
    if (has == machine_.end()) return lacks(base, word + join(values, " or "));
    for (const auto& value : values) {
      const auto bound = numbers(value);
      if (bound.empty()) continue;
      for (const auto& text : has->second) {
        const auto own = numbers(text);
        if (own.empty() || (lower ? own < bound : own >= bound)) continue;
        if (lower && (!bounds_.contains(feature) || bounds_.at(feature) < bound)) bounds_[feature] = bound;
        return;
      }
    }
    why_ = "it needs " + name_of(base) + " " + word + printable(join(values, " or "), 120) + "; the machine has " +
           printable(join(has->second, ", "), 120);
  }

  void lacks(const Feature& feature, const std::string& wanted) {
    why_ = "it needs " + name_of(feature) + " " + printable(wanted, 120) + "; the machine has none";
  }

  const Features& machine_;
  Features wanted_;
  std::map<Feature, std::vector<std::uint64_t>> bounds_;
  std::string why_;
};

struct Candidate {
  std::size_t variant = 0;
  std::optional<std::size_t> image;
  Demand demand;
};

std::string platforms_of(const SetVariant& variant) {
  std::vector<std::string> out;
  for (const auto& image : variant.images) out.push_back(image.platform.str());
  return out.empty() ? "no platform" : join(out, ", ");
}

std::string why_chosen(const SetVariant& variant, const Demand& demand, std::size_t fitting) {
  if (demand.count() == 0) return "it asks for no hardware";
  std::string out = "the machine has what it asks for: " + printable(join(variant.hardware, ", "), 300);
  if (fitting > 1) out += "; no other variant that fits asks for more";
  return out;
}

}  // namespace

Result<HardwareFact> HardwareFact::parse(std::string_view text) {
  std::vector<std::string> parts;
  std::size_t start = 0;
  for (;;) {
    const std::size_t end = text.find(separator, start);
    parts.emplace_back(trim(text.substr(start, end == text.npos ? text.npos : end - start)));
    if (end == text.npos) break;
    start = end + separator.size();
  }
  const bool whole = parts.size() == 3 &&
                     std::none_of(parts.begin(), parts.end(), [](const std::string& part) { return part.empty(); });
  if (!whole || !is_utf8(text))
    return Error(ErrorKind::usage, "\"" + printable(text, 120) + "\" is no property of hardware",
                 "it has three parts: vendor :: property :: value", "write e.g. nvidia :: cuda_version :: 12.9");
  return HardwareFact{parts[0], parts[1], parts[2]};
}

Result<Choice> choose_variant(const SetManifest& set, const std::vector<HardwareFact>& machine,
                              const std::optional<Platform>& platform) {
  Features facts;
  for (const auto& fact : machine) facts[{to_lower(fact.vendor), to_lower(fact.property)}].push_back(fact.value);
  std::vector<Candidate> fitting;
  std::vector<std::string> refusals(set.variants.size());
  for (std::size_t i = 0; i < set.variants.size(); ++i) {
    const SetVariant& variant = set.variants[i];
    std::optional<std::size_t> image;
    for (std::size_t j = 0; platform && j < variant.images.size() && !image; ++j)
      if (variant.images[j].platform.matches(*platform)) image = j;
    if (platform && !image) {
      refusals[i] = "it is not there for " + platform->str() + ", only for " + platforms_of(variant);
      continue;
    }
    Demand demand(image ? variant.images[*image].hardware : variant.hardware, facts);
    refusals[i] = demand.why_not();
    if (refusals[i].empty()) fitting.push_back({i, image, std::move(demand)});
  }
  if (fitting.empty()) {
    std::vector<std::string> lines;
    for (std::size_t i = 0; i < refusals.size(); ++i)
      lines.push_back(printable(set.variants[i].name, 80) + ": " + refusals[i]);
    return Error(ErrorKind::not_found,
                 "no variant of " + printable(set.name, 100) + " " + printable(set.version, 100) + " fits this machine",
                 lines.empty() ? "the set has no variant" : join(lines, "\n"),
                 "say all that the machine has, e.g. --hardware \"nvidia :: cuda_version :: 12.9\"");
  }
  const auto best = std::max_element(fitting.begin(), fitting.end(), [](const Candidate& a, const Candidate& b) {
    return a.demand.compare(b.demand) < 0;
  });
  Choice out;
  out.variant = best->variant;
  out.image = best->image;
  out.why = why_chosen(set.variants[best->variant], best->demand, fitting.size());
  for (const auto& other : fitting)
    if (other.variant != best->variant)
      refusals[other.variant] = "it fits, but " + printable(set.variants[best->variant].name, 80) +
                                (other.demand.compare(best->demand) == 0 ? " comes first" : " asks for more");
  for (std::size_t i = 0; i < refusals.size(); ++i)
    if (i != best->variant) out.refused.push_back({set.variants[i].name, refusals[i]});
  return out;
}

}  // namespace shipset::release

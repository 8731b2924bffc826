// Rules of .dockerignore as a walk uses them: what a folder matched is known to what is in it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "shipset/build/context_digest.hpp"

namespace shipset::build::ignore {

/// One element of a pattern. BuildKit makes regular expressions of patterns, and some patterns mean what that
/// expression says and not what was meant: so it is read here as well.
struct Atom {
  enum Kind : std::uint8_t {
    literal,       ///< `first`
    any_but_feed,  ///< `.`
    set,           ///< one of `ranges`, or none of them
    begin,         ///< the beginning of the path
    folders,       ///< (.*/)?
  } kind = literal;
  char32_t first = 0;
  bool negated = false, star = false;
  std::vector<std::pair<char32_t, char32_t>> ranges;
};

class Pattern {
 public:
  /// A cleaned pattern without its "!". The text of an Error is its cause.
  static Result<Pattern> parse(std::string_view cleaned);
  [[nodiscard]] bool matches(std::string_view path) const;
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  enum class Kind { exact, prefix, suffix, expression };
  Kind kind_ = Kind::exact;
  std::string text_;
  /// More than one where the pattern has a "|": the first begins at the beginning, the last ends at the end.
  std::vector<std::vector<Atom>> alternatives_;
};

/// Which patterns a folder matched; empty at the root.
using Matched = std::vector<bool>;

}  // namespace shipset::build::ignore

namespace shipset::build {

struct IgnoreRules::Data {
  struct Rule {
    ignore::Pattern pattern;
    bool exception = false;
    std::string prefix;  ///< of an exception: what it is about, with a slash at the end
  };
  std::vector<Rule> rules;
  bool plain_exceptions = true;  ///< no exception has wildcards before its end

  /// Whether `path` stays out; `own` becomes what its entries need as `parent`.
  bool excludes(const std::string& path, const ignore::Matched& parent, ignore::Matched& own) const;
  /// Whether nothing below an excluded folder can be an exception.
  [[nodiscard]] bool closed(const std::string& folder) const;
};

}  // namespace shipset::build

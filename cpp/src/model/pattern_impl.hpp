// Regular expressions for `pattern` of inputs. Matches in time linear in pattern × text, whatever the pattern: it runs
// all alternatives at once and never backtracks. Characters are Unicode code points. Known: literals, `.`, classes,
// \d \w \s \D \W \S, groups, |, * + ? {m,n}, ^ and $. Not known: references, look-around, \b, \p. Values, thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shipset/base/result.hpp"

namespace shipset::detail {

class Pattern {
 public:
  /// Error kind spec with context["offset"].
  static Result<Pattern> parse(std::string_view text);
  /// Whether the whole text matches. Texts over 8 KiB and texts that are not UTF-8 do not.
  [[nodiscard]] bool matches(std::string_view text) const;

  struct Set {
    std::vector<std::pair<char32_t, char32_t>> ranges;
    bool negated = false;
    [[nodiscard]] bool contains(char32_t c) const noexcept;
  };
  struct Step {
    enum class Kind : std::uint8_t { set, split, jump, begin, end, match };
    Kind kind = Kind::match;
    std::uint32_t first = 0, second = 0;  ///< targets of split and jump
    std::uint32_t set = 0;                ///< index into sets
  };

 private:
  std::vector<Set> sets_;
  std::vector<Step> steps_;
  friend class PatternParser;
};

}  // namespace shipset::detail

#define PCRE2_CODE_UNIT_WIDTH 8
#include <fmt/format.h>
#include <pcre2.h>

#include <array>
#include <memory>

#include "script_pattern_impl.hpp"
#include "shipset/base/text.hpp"

namespace shipset::tags::detail {

namespace {

constexpr std::size_t max_pattern_bytes = 4096;
constexpr std::size_t max_subject_bytes = 16384;
constexpr std::size_t max_matches = 1000;
constexpr std::uint32_t max_steps = 1'000'000;
constexpr std::uint32_t max_depth = 10'000;
constexpr std::uint32_t max_heap_kib = 16'384;
constexpr std::uint32_t max_nesting = 100;

template <auto free>
struct Freed {
  template <class T>
  void operator()(T* pointer) const {
    free(pointer);
  }
};
using Code = std::unique_ptr<pcre2_code, Freed<pcre2_code_free>>;
using CompileContext = std::unique_ptr<pcre2_compile_context, Freed<pcre2_compile_context_free>>;
using MatchContext = std::unique_ptr<pcre2_match_context, Freed<pcre2_match_context_free>>;
using MatchData = std::unique_ptr<pcre2_match_data, Freed<pcre2_match_data_free>>;

Error refused(std::string_view pattern, std::string why, std::string hint = {}) {
  return Error(ErrorKind::usage, fmt::format("the pattern {} cannot be used", printable(pattern, 120)), std::move(why),
               std::move(hint));
}

std::string message_of(int code) {
  std::array<unsigned char, 256> text{};
  pcre2_get_error_message(code, text.data(), text.size());
  return reinterpret_cast<const char*>(text.data());
}

// Escapes that PCRE2 gives a meaning and JavaScript none, or another one.
constexpr std::string_view foreign_escapes = "AzZGQERKhHVNXCgpPeaoLUl";

// What stands at `at` outside of a class: a construct of PCRE2 that JavaScript does not have, or an empty text.
std::string_view foreign_at(std::string_view pattern, std::size_t at) {
  const std::string_view rest = pattern.substr(at);
  if (rest.starts_with("(*")) return "(*";
  if (rest.starts_with("(?") && (rest.size() < 3 || std::string_view(":=!<").find(rest[2]) == rest.npos))
    return rest.substr(0, 3);
  const auto quantifier = [](char c) { return c == '*' || c == '+' || c == '?' || c == '}'; };
  if (rest[0] == '+' && at > 0 && quantifier(pattern[at - 1]) && (at < 2 || pattern[at - 2] != '\\'))
    return "a second quantifier";
  return {};
}

Result<void> check_is_script(std::string_view pattern) {
  bool in_class = false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '\\') {
      if (i + 1 < pattern.size() && foreign_escapes.find(pattern[i + 1]) != foreign_escapes.npos)
        return refused(pattern, fmt::format("\\{} means something else in JavaScript", pattern[i + 1]));
      ++i;
    } else if (in_class) {
      if (c == '[' && i + 1 < pattern.size() && std::string_view(":.=").find(pattern[i + 1]) != std::string_view::npos)
        return refused(pattern, fmt::format("[{} within a class means something else in JavaScript", pattern[i + 1]));
      in_class = c != ']';
    } else if (c == '[') {
      in_class = true;
    } else if (const auto foreign = foreign_at(pattern, i); !foreign.empty()) {
      return refused(pattern, fmt::format("JavaScript does not know {}", foreign));
    }
  }
  return {};
}

struct Options {
  std::uint32_t compile = PCRE2_UTF | PCRE2_ALT_BSUX | PCRE2_MATCH_UNSET_BACKREF | PCRE2_DOLLAR_ENDONLY |
                          PCRE2_ALLOW_EMPTY_CLASS | PCRE2_NEVER_BACKSLASH_C | PCRE2_NEVER_UCP;
  bool all = false;
};

Result<Options> read_flags(std::string_view pattern, std::string_view flags) {
  Options options;
  std::string seen;
  for (const char flag : flags) {
    if (seen.find(flag) != seen.npos) return refused(pattern, fmt::format("flag {} stands twice", flag));
    seen += flag;
    switch (flag) {
      case 'g':
        options.all = true;
        break;
      case 'i':
        options.compile |= PCRE2_CASELESS;
        break;
      case 'm':
        options.compile = (options.compile | PCRE2_MULTILINE) & ~static_cast<std::uint32_t>(PCRE2_DOLLAR_ENDONLY);
        break;
      case 's':
        options.compile |= PCRE2_DOTALL;
        break;
      case 'u':
        break;
      default:
        return refused(pattern, fmt::format("flag {} is not known", printable(std::string_view(&flag, 1))),
                       "flags are g, i, m, s and u");
    }
  }
  return options;
}

Result<Code> compile(std::string_view pattern, std::uint32_t options) {
  const CompileContext context(pcre2_compile_context_create(nullptr));
  if (!context) return Error(ErrorKind::internal, "no memory for a pattern");
  pcre2_set_parens_nest_limit(context.get(), max_nesting);
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_ANYCRLF);
  pcre2_set_compile_extra_options(context.get(), PCRE2_EXTRA_ALT_BSUX);
  int problem = 0;
  PCRE2_SIZE offset = 0;
  Code code(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(), options, &problem, &offset,
                          context.get()));
  if (!code) return refused(pattern, fmt::format("{} at character {}", message_of(problem), offset + 1));
  return code;
}

// The next match from `start`; false when there is none.
Result<bool> next_match(const pcre2_code* code, std::string_view pattern, std::string_view subject, std::size_t start,
                        const MatchData& data, const MatchContext& context) {
  const int count = pcre2_match(code, reinterpret_cast<PCRE2_SPTR>(subject.data()), subject.size(), start, 0,
                                data.get(), context.get());
  if (count == PCRE2_ERROR_NOMATCH) return false;
  if (count == PCRE2_ERROR_MATCHLIMIT || count == PCRE2_ERROR_DEPTHLIMIT || count == PCRE2_ERROR_HEAPLIMIT)
    return refused(pattern, "matching takes too long", "avoid repetitions within repetitions, as in (a+)+");
  if (count < 0) return refused(pattern, message_of(count));
  return true;
}

std::size_t next_character(std::string_view text, std::size_t at) {
  do ++at;
  while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U);
  return at;
}

}  // namespace

Result<std::optional<PatternMatch>> match_pattern(std::string_view pattern, std::string_view flags,
                                                  std::string_view subject) {
  if (pattern.size() > max_pattern_bytes)
    return refused(pattern, fmt::format("it is longer than {} characters", max_pattern_bytes));
  if (subject.size() > max_subject_bytes) return refused(pattern, "the text to be matched is too long");
  SHIPSET_CHECK(check_is_script(pattern));
  SHIPSET_TRY(const auto options, read_flags(pattern, flags));
  SHIPSET_TRY(const auto code, compile(pattern, options.compile));
  const MatchContext context(pcre2_match_context_create(nullptr));
  const MatchData data(pcre2_match_data_create_from_pattern(code.get(), nullptr));
  if (!context || !data) return Error(ErrorKind::internal, "no memory for a pattern");
  pcre2_set_match_limit(context.get(), max_steps);
  pcre2_set_depth_limit(context.get(), max_depth);
  pcre2_set_heap_limit(context.get(), max_heap_kib);

  PatternMatch found;
  const PCRE2_SIZE* ends = pcre2_get_ovector_pointer(data.get());
  const auto text_of = [&](std::size_t group) -> std::optional<std::string> {
    const PCRE2_SIZE from = ends[2 * group], to = ends[2 * group + 1];
    if (from == PCRE2_UNSET || to < from) return std::nullopt;
    return std::string(subject.substr(from, to - from));
  };
  for (std::size_t start = 0; start <= subject.size();) {
    SHIPSET_TRY(const bool matched, next_match(code.get(), pattern, subject, start, data, context));
    if (!matched) break;
    if (!options.all) {
      const std::uint32_t groups = pcre2_get_ovector_count(data.get());
      for (std::uint32_t group = 0; group < groups; ++group) found.push_back(text_of(group));
      return std::optional(std::move(found));
    }
    if (found.size() == max_matches) return refused(pattern, fmt::format("it matches more than {} times", max_matches));
    found.push_back(text_of(0));
    start = ends[1] > ends[0] ? ends[1] : next_character(subject, ends[1]);
  }
  if (found.empty()) return std::optional<PatternMatch>();
  return std::optional(std::move(found));
}

}  // namespace shipset::tags::detail

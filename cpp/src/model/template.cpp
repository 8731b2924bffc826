#include "shipset/model/template.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "shipset/base/text.hpp"
#include "template_impl.hpp"

namespace shipset {

namespace detail {

bool is_name_start(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool is_name_char(char c) noexcept {
  return is_name_start(c) || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

bool is_name(std::string_view text) noexcept {
  if (text.empty() || !is_name_start(text.front()) || text.back() == '.' || text.back() == '-') return false;
  return std::all_of(text.begin(), text.end(), is_name_char) && text.find("..") == std::string_view::npos;
}

Error error_at(std::size_t offset, std::string what, std::string why, std::string hint) {
  return Error(ErrorKind::spec, std::move(what), std::move(why), std::move(hint))
      .with("offset", std::to_string(offset));
}

Error unknown_name(std::size_t offset, std::string_view name, const Scope& scope) {
  const auto names = scope.names();
  std::string nearest;
  // People forget the prefix more often than they misspell it.
  for (const auto& candidate : names)
    if (nearest.empty() && candidate.size() > name.size() && candidate.ends_with(name) &&
        candidate[candidate.size() - name.size() - 1] == '.')
      nearest = candidate;
  if (nearest.empty()) nearest = nearest_name(name, names);
  return error_at(offset, fmt::format("unknown name \"{}\"", name), {},
                  nearest.empty() ? std::string() : fmt::format("did you mean \"{}\"?", nearest))
      .with("name", std::string(name));
}

TextProblem as_problem(const Error& error, std::size_t offset) {
  return {offset, error.why.empty() ? error.what : error.what + ": " + error.why, error.hint};
}

}  // namespace detail

namespace {

using detail::error_at;

constexpr std::size_t max_text_bytes = 64 * 1024;
constexpr std::string_view filters_hint = "filters are :N (first N characters), |slug and, on dates, :%Y-%m-%d";

bool is_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// Reads the filters of one placeholder. `at` is the offset of `text` in the whole template.
Result<void> parse_filters(std::string_view text, std::size_t at, Template::Piece& piece) {
  while (!text.empty()) {
    const char mark = text.front();
    const bool date = mark == ':' && text.size() > 1 && text[1] == '%';
    const std::size_t end = std::min(date ? text.find('|', 1) : text.find_first_of(":|", 1), text.size());
    const std::string_view filter = text.substr(1, end - 1);
    if (mark == '|' && filter != "slug") {
      const auto nearest = nearest_name(filter, {"slug"});
      return error_at(at, fmt::format("unknown filter \"|{}\"", printable(filter)), {},
                      nearest.empty() ? std::string(filters_hint) : fmt::format("did you mean \"|{}\"?", nearest));
    }
    if (mark == ':' && date) {
      if (auto tried = detail::format_date(0, filter); !tried)
        return error_at(at, tried.error().what, tried.error().why, tried.error().hint);
    } else if (mark == ':' &&
               (!is_digits(filter) || filter.size() > 4 || filter.find_first_not_of('0') == filter.npos)) {
      return error_at(at, fmt::format("filter \":{}\" is neither a length nor a date format", printable(filter)), {},
                      std::string(filters_hint));
    }
    piece.filters.emplace_back(filter);
    text.remove_prefix(end);
    at += end;
  }
  return {};
}

// `body` is what stands between the braces; `at` the offset of the opening brace.
Result<Template::Piece> parse_placeholder(std::string_view body, std::size_t at) {
  Template::Piece piece;
  piece.offset = at;
  std::size_t skipped = 1;
  if (body.starts_with('-')) {
    piece.dash_before = true;
    body.remove_prefix(1);
    ++skipped;
  }
  if (body.ends_with('-')) {
    piece.dash_after = true;
    body.remove_suffix(1);
  }
  const std::size_t name_end = std::min(body.find_first_of(":|"), body.size());
  const std::string_view name = body.substr(0, name_end);
  if (name.empty())
    return error_at(at, "a placeholder has no name", {}, "write {name}, or {{ and }} for the braces themselves");
  if (!detail::is_name(name))
    return error_at(
        at, fmt::format("\"{}\" is not a name", printable(name)),
        "names are letters, digits, _ and - in parts joined by dots",
        name.back() == '-' ? "the dash of {x-} stands after the filters" : "write {{ and }} for the braces themselves");
  piece.name = name;
  SHIPSET_CHECK(parse_filters(body.substr(name_end), at + skipped + name_end, piece));
  return piece;
}

}  // namespace

Result<Template> Template::parse(std::string_view text) {
  if (text.size() > max_text_bytes)
    return error_at(0, "the text is too long for a template",
                    fmt::format("{} bytes, at most {} are allowed", text.size(), max_text_bytes));
  Template out;
  Piece literal;
  const auto flush = [&](std::size_t next) {
    if (!literal.literal.empty()) out.pieces_.push_back(std::move(literal));
    literal = Piece();
    literal.offset = next;
  };
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (c != '{' && c != '}') {
      const std::size_t end = std::min(text.find_first_of("{}", i), text.size());
      literal.literal += text.substr(i, end - i);
      i = end;
    } else if (i + 1 < text.size() && text[i + 1] == c) {
      literal.literal += c;
      i += 2;
    } else if (c == '}') {
      return error_at(i, "\"}\" without \"{\"", {}, "write }} for the brace itself");
    } else {
      const std::size_t end = text.find_first_of("{}", i + 1);
      if (end == text.npos || text[end] == '{')
        return error_at(i, "\"{\" without \"}\"", {}, "write {{ for the brace itself");
      SHIPSET_TRY(Piece piece, parse_placeholder(text.substr(i + 1, end - i - 1), i));
      flush(end + 1);
      out.pieces_.push_back(std::move(piece));
      i = end + 1;
    }
  }
  flush(text.size());
  return out;
}

bool Template::is_literal() const noexcept {
  return std::all_of(pieces_.begin(), pieces_.end(), [](const Piece& piece) { return piece.name.empty(); });
}

std::string slug(std::string_view text) {
  std::string out;
  bool gap = false;
  for (const char c : text) {
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if ((lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9')) {
      if (gap && !out.empty()) out += '-';
      out += lower;
      gap = false;
    } else {
      gap = true;
    }
  }
  return out;
}

}  // namespace shipset

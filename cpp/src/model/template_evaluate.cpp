#include <fmt/format.h>

#include <charconv>

#include "shipset/model/template.hpp"
#include "template_impl.hpp"

namespace shipset {

namespace {

using detail::error_at;
using Piece = Template::Piece;

constexpr std::size_t max_result_bytes = 1u << 20;

// The first `count` characters of UTF-8 text.
std::string_view first_characters(std::string_view text, std::size_t count) {
  std::size_t i = 0;
  while (i < text.size()) {
    const bool starts = (static_cast<unsigned char>(text[i]) & 0xC0) != 0x80;
    if (starts && count-- == 0) break;
    ++i;
  }
  return text.substr(0, i);
}

std::string placeholder(const Piece& piece) {
  std::string out = piece.dash_before ? "{-" : "{";
  out += piece.name;
  for (const auto& filter : piece.filters) out += (filter == "slug" ? "|" : ":") + filter;
  return out + (piece.dash_after ? "-}" : "}");
}

Result<Value> lookup(const Piece& piece, const Scope& scope) {
  auto found = scope.lookup(piece.name);
  if (!found) return detail::unknown_name(piece.offset, piece.name, scope);
  return std::move(*found);
}

Error no_value(const Piece& piece) {
  return error_at(piece.offset, fmt::format("\"{}\" has no value", piece.name), {},
                  fmt::format("write {{-{0}}} or {{{0}-}} where it may be missing, or give it a value", piece.name))
      .with("name", piece.name);
}

Error not_a_date(const Piece& piece, const Value& value) {
  return error_at(
             piece.offset, fmt::format("\"{}\" cannot be written as a date", piece.name),
             fmt::format("it is {} {}", std::holds_alternative<std::int64_t>(value) ? "an" : "a", type_name(value)),
             "date formats are for {date} and integers of seconds since 1970, and come before other filters")
      .with("name", piece.name);
}

Result<std::string> filtered(const Piece& piece, Value value) {
  std::size_t first = 0;
  if (!piece.filters.empty() && piece.filters.front().starts_with('%')) {
    const auto* seconds = std::get_if<std::int64_t>(&value);
    if (seconds == nullptr) return not_a_date(piece, value);
    auto text = detail::format_date(*seconds, piece.filters.front());
    if (!text) return error_at(piece.offset, text.error().what, text.error().why, text.error().hint);
    value = std::move(text).value();
    first = 1;
  }
  std::string text = to_text(detail::presented(piece.name, std::move(value)));
  for (std::size_t i = first; i < piece.filters.size(); ++i) {
    const std::string& filter = piece.filters[i];
    if (filter == "slug") {
      text = slug(text);
    } else if (filter.starts_with('%')) {
      return not_a_date(piece, Value(text));
    } else {
      std::size_t count = 0;
      std::from_chars(filter.data(), filter.data() + filter.size(), count);
      text = std::string(first_characters(text, count));
    }
  }
  return text;
}

Result<void> append(std::string& out, const Piece& piece, const Scope& scope) {
  if (piece.name.empty()) {
    out += piece.literal;
    return {};
  }
  SHIPSET_TRY(Value value, lookup(piece, scope));
  if (std::holds_alternative<std::monostate>(value)) {
    if (!piece.dash_before && !piece.dash_after) return no_value(piece);
    return {};
  }
  SHIPSET_TRY(const std::string text, filtered(piece, std::move(value)));
  if (!text.empty()) {
    if (piece.dash_before) out += '-';
    out += text;
    if (piece.dash_after) out += '-';
  }
  if (out.size() > max_result_bytes)
    return error_at(piece.offset, "the text grows too long", fmt::format("over {} bytes", max_result_bytes));
  return {};
}

void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (c == '{' || c == '}') out += c;
    out += c;
  }
}

}  // namespace

Result<std::string> Template::evaluate(const Scope& scope) const {
  std::string out;
  for (const auto& piece : pieces_) SHIPSET_CHECK(append(out, piece, scope));
  return out;
}

Result<Value> Template::evaluate_value(const Scope& scope) const {
  const bool bare = pieces_.size() == 1 && !pieces_[0].name.empty() && pieces_[0].filters.empty() &&
                    !pieces_[0].dash_before && !pieces_[0].dash_after;
  if (!bare) {
    SHIPSET_TRY(std::string text, evaluate(scope));
    return Value(std::move(text));
  }
  SHIPSET_TRY(Value value, lookup(pieces_[0], scope));
  if (std::holds_alternative<std::monostate>(value)) return no_value(pieces_[0]);
  return detail::presented(pieces_[0].name, std::move(value));
}

Result<std::string> Template::evaluate_partially(const Scope& scope, bool (*keep)(std::string_view name)) const {
  std::string out;
  for (const auto& piece : pieces_) {
    if (!piece.name.empty() && keep(piece.name)) {
      out += placeholder(piece);
      continue;
    }
    std::string text;
    SHIPSET_CHECK(append(text, piece, scope));
    append_escaped(out, text);
  }
  return out;
}

std::vector<TextProblem> Template::problems(const Scope& scope) const {
  std::vector<TextProblem> out;
  for (const auto& piece : pieces_) {
    if (piece.name.empty()) continue;
    auto value = lookup(piece, scope);
    if (!value) {
      out.push_back(detail::as_problem(value.error(), piece.offset));
      continue;
    }
    bool fits = true;
    for (std::size_t i = 0; i < piece.filters.size(); ++i) {
      if (!piece.filters[i].starts_with('%')) continue;
      const bool date = std::holds_alternative<std::int64_t>(*value) || std::holds_alternative<std::monostate>(*value);
      fits = fits && i == 0 && date;
    }
    if (!fits) out.push_back(detail::as_problem(not_a_date(piece, *value), piece.offset));
  }
  return out;
}

}  // namespace shipset

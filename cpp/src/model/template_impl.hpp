// What templates and `when` expressions share: positions in errors, hints for names, dates as text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "shipset/model/template.hpp"
#include "shipset/model/value.hpp"

namespace shipset::detail {

/// Letters, digits, `_`, `-` and `.`: what a name consists of. A name starts with a letter or `_`.
bool is_name_start(char c) noexcept;
bool is_name_char(char c) noexcept;
/// Whether the text is a name: segments joined by single dots, no dash at the end.
bool is_name(std::string_view text) noexcept;

/// Error of kind spec at a byte offset of the text that was parsed.
Error error_at(std::size_t offset, std::string what, std::string why = {}, std::string hint = {});
/// The error of a name that the scope does not know, with the nearest one as hint.
Error unknown_name(std::size_t offset, std::string_view name, const Scope& scope);
TextProblem as_problem(const Error& error, std::size_t offset);

/// `date` is held as unix seconds and shown as YYYY-MM-DD; every other value is returned as it is.
Value presented(std::string_view name, Value value);

/// strftime in UTC without locale: %Y %y %C %m %d %e %H %I %M %S %p %j %a %A %b %B %u %w %G %V %s %z %Z %F %T %R %D %%.
/// Error kind spec: unknown conversion, or a year outside 0–9999.
Result<std::string> format_date(std::int64_t unix_s, std::string_view format);

}  // namespace shipset::detail

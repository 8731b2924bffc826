// Small helpers on text that several modules need. Values only, thread-safe, locale-independent.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace shipset {

/// The candidate closest to `word` by edit distance, if it is close enough to be a misspelling; else empty.
std::string nearest_name(std::string_view word, const std::vector<std::string>& candidates);
std::vector<std::string> split(std::string_view text, char separator);
std::string join(const std::vector<std::string>& parts, std::string_view separator);
std::string_view trim(std::string_view text);
std::string to_lower(std::string_view text);
bool is_utf8(std::string_view text);
std::string hex(std::string_view bytes);
std::string base64_encode(std::string_view bytes);
/// Padded or not; standard alphabet. False when it is not base64.
bool base64_decode(std::string_view text, std::string& out);
/// RFC 3986: everything but unreserved characters becomes %XX.
std::string percent_encode(std::string_view text, std::string_view keep = {});
/// 1536 → "1.5 KiB".
std::string human_bytes(std::uint64_t bytes);
/// Seconds since 1970 → "2026-01-09T12:00:00Z".
std::string rfc3339(std::int64_t unix_s);
/// Control characters made visible, so that text from outside cannot forge lines or terminal codes.
std::string printable(std::string_view text, std::size_t limit = 400);

}  // namespace shipset

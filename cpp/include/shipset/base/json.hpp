// JSON: bounded reading (nlohmann), RFC 8785 canonical text, and a writer that keeps the order it is given.
// Objects that were read are sorted maps; bytes that are addressed by digest are never re-encoded.
// Thread-safe. Heavy header <nlohmann/json.hpp> belongs into sources only.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "shipset/base/result.hpp"

namespace shipset {

using Json = nlohmann::json;

struct JsonLimits {
  std::size_t bytes = 8u << 20;
  std::size_t depth = 64;
  std::size_t values = 2'000'000;  ///< scalars, arrays and objects together
};

/// Parses UTF-8 text without BOM; duplicate member names, excess depth or size are errors of `kind`.
/// `object` names the text in the message, e.g. "manifest sha256:…".
Result<Json> parse_json(std::string_view text, std::string_view object, ErrorKind kind = ErrorKind::verify,
                        const JsonLimits& limits = {});

/// RFC 8785 (JCS): sorted members, no white space. Numbers must be integers or finite doubles.
std::string canonical_json(const Json& value);

/// `"text"` with JSON escapes (no HTML escapes).
std::string json_quote(std::string_view text);

/// Writes JSON in the order of the calls; compact, or indented by two spaces.
class JsonWriter {
 public:
  explicit JsonWriter(bool indented = false) : indented_(indented) {}
  JsonWriter& begin_object();
  JsonWriter& end_object();
  JsonWriter& begin_array();
  JsonWriter& end_array();
  JsonWriter& key(std::string_view name);
  JsonWriter& value(std::string_view text);
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(const std::string& text) { return value(std::string_view(text)); }
  JsonWriter& value(bool flag);
  JsonWriter& value(std::int64_t number);
  JsonWriter& value(std::uint64_t number);
  JsonWriter& value(int number) { return value(static_cast<std::int64_t>(number)); }
  JsonWriter& value(double number);
  JsonWriter& null();
  /// Splices JSON text that is known to be valid.
  JsonWriter& raw(std::string_view json);
  template <class T>
  JsonWriter& member(std::string_view name, const T& v) {
    return key(name).value(v);
  }
  /// The finished text; indented text ends without a line feed.
  std::string take() { return std::move(out_); }
  [[nodiscard]] const std::string& str() const noexcept { return out_; }

 private:
  void separate();
  void newline();
  std::string out_;
  std::vector<bool> first_;
  bool after_key_ = false;
  bool indented_;
};

}  // namespace shipset

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "shipset/base/json.hpp"
#include "shipset/base/text.hpp"

namespace shipset {

namespace {

void append_quoted(std::string& out, std::string_view text) {
  static constexpr std::string_view digits = "0123456789abcdef";
  out += '"';
  for (char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          out += "\\u00";
          out += digits[static_cast<unsigned char>(c) >> 4];
          out += digits[static_cast<unsigned char>(c) & 15];
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

/// ECMAScript's Number::toString for finite doubles (RFC 8785 §3.2.2.3).
std::string number_text(double number) {
  if (!std::isfinite(number)) return "null";
  if (number == 0) return "0";
  std::array<char, 64> raw{};
  const auto end = std::to_chars(raw.data(), raw.data() + raw.size(), std::fabs(number), std::chars_format::scientific);
  const std::string_view text(raw.data(), static_cast<std::size_t>(end.ptr - raw.data()));
  const auto e = text.find('e');
  std::string digits;
  for (char c : text.substr(0, e))
    if (c != '.') digits += c;
  const int exponent = std::stoi(std::string(text.substr(e + 1)));
  const int count = static_cast<int>(digits.size());
  const int point = exponent + 1;  // position of the decimal point relative to the digits
  std::string out;
  if (point >= count && point <= 21) {
    out = digits + std::string(static_cast<std::size_t>(point - count), '0');
  } else if (point > 0 && point <= 21) {
    out = digits.substr(0, static_cast<std::size_t>(point)) + "." + digits.substr(static_cast<std::size_t>(point));
  } else if (point > -6 && point <= 0) {
    out = "0." + std::string(static_cast<std::size_t>(-point), '0') + digits;
  } else {
    out = digits.substr(0, 1);
    if (count > 1) out += "." + digits.substr(1);
    out += exponent < 0 ? "e-" : "e+";
    out += std::to_string(std::abs(exponent));
  }
  return number < 0 ? "-" + out : out;
}

/// UTF-16 code unit order of two UTF-8 strings (RFC 8785 §3.2.3): surrogates sort before U+E000…U+FFFF.
bool utf16_less(const std::string& a, const std::string& b) {
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) {
    if (a[i] == b[i]) continue;
    const auto x = static_cast<unsigned char>(a[i]), y = static_cast<unsigned char>(b[i]);
    // A four-byte lead (surrogates in UTF-16) sorts before the leads EE and EF (U+E000…U+FFFF).
    if (x >= 0xF0 && y >= 0xEE && y <= 0xEF) return true;
    if (y >= 0xF0 && x >= 0xEE && x <= 0xEF) return false;
    return x < y;
  }
  return a.size() < b.size();
}

void append_canonical(std::string& out, const Json& value) {
  switch (value.type()) {
    case Json::value_t::object: {
      std::vector<std::string> sorted;
      for (const auto& item : value.items()) sorted.push_back(item.key());
      std::sort(sorted.begin(), sorted.end(), utf16_less);
      out += '{';
      for (std::size_t i = 0; i < sorted.size(); ++i) {
        if (i != 0) out += ',';
        append_quoted(out, sorted[i]);
        out += ':';
        append_canonical(out, value.at(sorted[i]));
      }
      out += '}';
      return;
    }
    case Json::value_t::array:
      out += '[';
      for (std::size_t i = 0; i < value.size(); ++i) {
        if (i != 0) out += ',';
        append_canonical(out, value[i]);
      }
      out += ']';
      return;
    case Json::value_t::string:
      append_quoted(out, value.get_ref<const std::string&>());
      return;
    case Json::value_t::boolean:
      out += value.get<bool>() ? "true" : "false";
      return;
    case Json::value_t::number_integer:
      out += std::to_string(value.get<std::int64_t>());
      return;
    case Json::value_t::number_unsigned:
      out += std::to_string(value.get<std::uint64_t>());
      return;
    case Json::value_t::number_float:
      out += number_text(value.get<double>());
      return;
    default:
      out += "null";
      return;
  }
}

}  // namespace

std::string json_quote(std::string_view text) {
  std::string out;
  append_quoted(out, text);
  return out;
}

std::string canonical_json(const Json& value) {
  std::string out;
  append_canonical(out, value);
  return out;
}

void JsonWriter::newline() {
  if (!indented_) return;
  out_ += '\n';
  out_.append(2 * first_.size(), ' ');
}

void JsonWriter::separate() {
  if (after_key_) {
    after_key_ = false;
    return;
  }
  if (first_.empty()) return;
  if (!first_.back()) out_ += ',';
  first_.back() = false;
  newline();
}

JsonWriter& JsonWriter::begin_object() {
  separate();
  out_ += '{';
  first_.push_back(true);
  return *this;
}
JsonWriter& JsonWriter::begin_array() {
  separate();
  out_ += '[';
  first_.push_back(true);
  return *this;
}
JsonWriter& JsonWriter::end_object() {
  const bool empty = first_.back();
  first_.pop_back();
  if (!empty) newline();
  out_ += '}';
  return *this;
}
JsonWriter& JsonWriter::end_array() {
  const bool empty = first_.back();
  first_.pop_back();
  if (!empty) newline();
  out_ += ']';
  return *this;
}
JsonWriter& JsonWriter::key(std::string_view name) {
  separate();
  append_quoted(out_, name);
  out_ += indented_ ? ": " : ":";
  after_key_ = true;
  return *this;
}
JsonWriter& JsonWriter::value(std::string_view text) {
  separate();
  append_quoted(out_, text);
  return *this;
}
JsonWriter& JsonWriter::value(bool flag) {
  return raw(flag ? "true" : "false");
}
JsonWriter& JsonWriter::value(std::int64_t number) {
  return raw(std::to_string(number));
}
JsonWriter& JsonWriter::value(std::uint64_t number) {
  return raw(std::to_string(number));
}
JsonWriter& JsonWriter::value(double number) {
  return raw(number_text(number));
}
JsonWriter& JsonWriter::null() {
  return raw("null");
}
JsonWriter& JsonWriter::raw(std::string_view json) {
  separate();
  out_ += json;
  return *this;
}

}  // namespace shipset

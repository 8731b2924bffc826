#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <locale>
#include <sstream>

#include "script_text_impl.hpp"
#include "shipset/base/text.hpp"

namespace shipset::tags::detail {

namespace {

constexpr std::array<std::string_view, 24> spaces = {" ",
                                                     "\t",
                                                     "\n",
                                                     "\v",
                                                     "\f",
                                                     "\r",
                                                     "\xC2\xA0",
                                                     "\xE1\x9A\x80",
                                                     "\xE2\x80\x80",
                                                     "\xE2\x80\x81",
                                                     "\xE2\x80\x82",
                                                     "\xE2\x80\x83",
                                                     "\xE2\x80\x84",
                                                     "\xE2\x80\x85",
                                                     "\xE2\x80\x86",
                                                     "\xE2\x80\x87",
                                                     "\xE2\x80\x88",
                                                     "\xE2\x80\x89",
                                                     "\xE2\x80\x8A",
                                                     "\xE2\x80\xA8",
                                                     "\xE2\x80\xA9",
                                                     "\xE2\x80\xAF",
                                                     "\xE3\x80\x80",
                                                     "\xEF\xBB\xBF"};

bool is_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == text.npos;
}

std::optional<double> with_base(std::string_view digits, int base) {
  double value = 0;
  for (const char c : to_lower(digits)) {
    const auto digit = static_cast<int>(std::string_view("0123456789abcdef").find(c));
    if (digit < 0 || digit >= base) return std::nullopt;
    value = value * base + digit;
  }
  return digits.empty() ? std::nullopt : std::optional(value);
}

// `1`, `1.5`, `.5`, `5.`, each with an exponent or none; without a sign.
bool is_decimal(std::string_view text) {
  if (const std::size_t e = text.find_first_of("eE"); e != text.npos) {
    std::string_view power = text.substr(e + 1);
    if (!power.empty() && (power[0] == '+' || power[0] == '-')) power.remove_prefix(1);
    if (!is_digits(power)) return false;
    text = text.substr(0, e);
  }
  const std::size_t point = text.find('.');
  const std::string_view whole = text.substr(0, point);
  const std::string_view part = point == text.npos ? std::string_view() : text.substr(point + 1);
  return (whole.empty() || is_digits(whole)) && (part.empty() || is_digits(part)) && whole.size() + part.size() > 0;
}

class CsvReader {
 public:
  explicit CsvReader(std::string_view text) : text_(text) {}

  Result<std::vector<std::string>> read() {
    std::vector<std::string> fields;
    while (true) {
      SHIPSET_TRY(fields.emplace_back(), field());
      if (at_ == text_.size()) return fields;
      ++at_;  // the comma
    }
  }

 private:
  Result<std::string> field() {
    if (at_ < text_.size() && text_[at_] == '"') return quoted();
    const std::size_t end = std::min(text_.find(',', at_), text_.size());
    const std::string_view found = text_.substr(at_, end - at_);
    if (found.find('"') != found.npos)
      return broken("a quote stands inside of a field", "put quotes around the whole field, and double those within");
    at_ = end;
    return std::string(found);
  }

  Result<std::string> quoted() {
    std::string out;
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] != '"') {
        out += text_[at_];
        continue;
      }
      ++at_;
      if (at_ == text_.size() || text_[at_] == ',') return out;
      if (text_[at_] != '"') return broken("something stands behind a closing quote", "end the field with a comma");
      out += '"';
    }
    return broken("a quote is not closed", "");
  }

  [[nodiscard]] Error broken(std::string why, std::string hint) const {
    return Error(ErrorKind::usage, fmt::format("{} cannot be read", printable(text_, 120)), std::move(why),
                 std::move(hint));
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::string_view script_trim(std::string_view text) {
  const auto shorten = [&](auto fits, auto remove) {
    while (true) {
      const auto found = std::find_if(spaces.begin(), spaces.end(), fits);
      if (found == spaces.end()) return;
      remove(found->size());
    }
  };
  shorten([&](std::string_view space) { return text.starts_with(space); },
          [&](std::size_t size) { text.remove_prefix(size); });
  shorten([&](std::string_view space) { return text.ends_with(space); },
          [&](std::size_t size) { text.remove_suffix(size); });
  return text;
}

std::optional<double> script_number(std::string_view text) {
  text = script_trim(text);
  if (text.empty()) return 0.0;
  if (text.size() > 2 && text[0] == '0') {
    const char kind = text[1];
    if (kind == 'x' || kind == 'X') return with_base(text.substr(2), 16);
    if (kind == 'o' || kind == 'O') return with_base(text.substr(2), 8);
    if (kind == 'b' || kind == 'B') return with_base(text.substr(2), 2);
  }
  const double sign = text[0] == '-' ? -1 : 1;
  if (text[0] == '-' || text[0] == '+') text.remove_prefix(1);
  if (text == "Infinity") return sign * std::numeric_limits<double>::infinity();
  if (!is_decimal(text)) return std::nullopt;
  std::istringstream in{std::string(text)};
  in.imbue(std::locale::classic());
  double value = 0;
  in >> value;  // a number that is too large becomes the largest one, which sorts as well
  return sign * value;
}

Result<std::vector<std::string>> read_csv(std::string_view text) {
  const std::size_t control =
      text.find_first_of(std::string_view("\0\1\2\3\4\5\6\7\b\n\v\f\r\16\17\20\21\22\23\24\25"
                                          "\26\27\30\31\32\33\34\35\36\37\177",
                                          32));
  if (control != text.npos)
    return Error(ErrorKind::usage, fmt::format("{} cannot be read", printable(text, 120)),
                 "it has a line break or another control character within", "give each line as an entry of its own");
  return CsvReader(text).read();
}

}  // namespace shipset::tags::detail

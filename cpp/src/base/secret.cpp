#include "shipset/base/secret.hpp"

#include <openssl/crypto.h>

#include <map>
#include <mutex>
#include <vector>

#include "shipset/base/text.hpp"

namespace shipset {

namespace {
// The one mutable global besides the log sink: what must never be printed, counted by holders.
struct Registered {
  std::mutex mutex;
  std::map<std::string, std::size_t> values;
};
Registered& registered() {
  static auto* instance = new Registered;  // never destroyed: secrets may outlive static destructors
  return *instance;
}
constexpr std::size_t shortest = 6;

void remember(const std::string& value) {
  if (value.size() < shortest) return;
  auto& all = registered();
  const std::lock_guard lock(all.mutex);
  ++all.values[value];
}
void forget(const std::string& value) {
  if (value.size() < shortest) return;
  auto& all = registered();
  const std::lock_guard lock(all.mutex);
  const auto at = all.values.find(value);
  if (at != all.values.end() && --at->second == 0) all.values.erase(at);
}
/// How a value stands in other texts: escaped for JSON, in addresses, and in base64 wherever it lies there, as the
/// password does in the value of `Authorization: Basic`.
std::vector<std::string> forms_of(const std::string& value) {
  std::vector<std::string> out{value, percent_encode(value), base64_encode(value)};
  std::string escaped;
  for (const char c : value) {
    if (c == '"' || c == '\\') escaped += '\\';
    escaped += c;
  }
  out.push_back(std::move(escaped));
  for (std::size_t before = 0; before < 3; ++before) {
    // Only the characters that depend on nothing but the value.
    const std::string whole = base64_encode(std::string(before, '\0') + value);
    const std::size_t first = (before * 4 + 2) / 3, last = (before + value.size()) * 4 / 3;
    if (last >= first + shortest) out.push_back(whole.substr(first, last - first));
  }
  return out;
}
void replace_all(std::string& text, const std::string& value) {
  for (std::size_t at = 0; (at = text.find(value, at)) != std::string::npos; at += 3)
    text.replace(at, value.size(), "***");
}
}  // namespace

Secret::Secret(std::string value) : value_(std::move(value)) {
  remember(value_);
}
Secret::Secret(const Secret& other) : value_(other.value_) {
  remember(value_);
}
Secret::Secret(Secret&& other) noexcept {
  value_.swap(other.value_);
}
Secret& Secret::operator=(Secret other) noexcept {
  value_.swap(other.value_);
  return *this;
}
Secret::~Secret() {
  forget(value_);
  OPENSSL_cleanse(value_.data(), value_.size());
}

std::string redact(std::string_view text) {
  std::string out(text);
  std::vector<std::string> values;
  {
    auto& all = registered();
    const std::lock_guard lock(all.mutex);
    for (const auto& item : all.values) values.push_back(item.first);
  }
  for (const auto& value : values)
    for (const auto& form : forms_of(value)) replace_all(out, form);
  return out;
}

}  // namespace shipset

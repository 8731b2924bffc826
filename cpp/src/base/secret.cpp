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
  for (const auto& value : values) {
    replace_all(out, value);
    replace_all(out, base64_encode(value));
  }
  return out;
}

}  // namespace shipset

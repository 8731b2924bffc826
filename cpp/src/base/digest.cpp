#include "shipset/base/digest.hpp"

#include <openssl/evp.h>

#include <array>
#include <new>

#include "shipset/base/text.hpp"

namespace shipset {

namespace {
bool is_lower_hex(std::string_view text) {
  for (char c : text)
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
  return true;
}
bool is_algorithm(std::string_view text) {
  bool component = false;
  for (char c : text) {
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
      component = true;
    } else if (component && (c == '+' || c == '.' || c == '_' || c == '-')) {
      component = false;
    } else {
      return false;
    }
  }
  return component;
}
bool is_encoded(std::string_view text) {
  if (text.empty() || text.size() > 256) return false;
  for (char c : text) {
    const bool fine =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '=' || c == '_' || c == '-';
    if (!fine) return false;
  }
  return true;
}
Error bad(std::string_view text, std::string why) {
  return Error(ErrorKind::usage, "not a digest: \"" + printable(text, 100) + "\"", std::move(why),
               "a digest looks like sha256: followed by 64 lowercase hexadecimal digits");
}
}  // namespace

Result<Digest> Digest::parse(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return bad(text, "there is no colon after the algorithm");
  const auto algorithm = text.substr(0, colon);
  const auto encoded = text.substr(colon + 1);
  if (!is_algorithm(algorithm)) return bad(text, "the algorithm does not fit the grammar");
  if (!is_encoded(encoded)) return bad(text, "the encoded part does not fit the grammar");
  const std::size_t wanted = algorithm == "sha256" ? 64 : algorithm == "sha512" ? 128 : 0;
  if (wanted != 0 && (encoded.size() != wanted || !is_lower_hex(encoded)))
    return bad(text, std::string(algorithm) + " needs " + std::to_string(wanted) + " lowercase hexadecimal digits");
  return Digest(std::string(text));
}

Digest Digest::of(std::span<const std::byte> bytes) {
  Hasher hasher;
  hasher.update(bytes);
  return hasher.finish();
}
Digest Digest::of(std::string_view bytes) {
  Hasher hasher;
  hasher.update(bytes);
  return hasher.finish();
}
Digest Digest::from_hex(std::string_view hex) {
  assert(hex.size() == 64 && is_lower_hex(hex));
  return Digest("sha256:" + std::string(hex));
}

std::string_view Digest::algorithm() const noexcept {
  return std::string_view(text_).substr(0, text_.find(':'));
}
std::string_view Digest::encoded() const noexcept {
  const auto colon = text_.find(':');
  return colon == std::string::npos ? std::string_view() : std::string_view(text_).substr(colon + 1);
}
bool Digest::computable() const noexcept {
  return algorithm() == "sha256" || algorithm() == "sha512";
}

struct Hasher::Impl {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  std::string algorithm;
  ~Impl() { EVP_MD_CTX_free(context); }
};

Hasher::Hasher(std::string_view algorithm) : impl_(std::make_unique<Impl>()) {
  impl_->algorithm = algorithm == "sha512" ? "sha512" : "sha256";
  const EVP_MD* method = algorithm == "sha512" ? EVP_sha512() : EVP_sha256();
  if (impl_->context == nullptr || EVP_DigestInit_ex(impl_->context, method, nullptr) != 1) throw std::bad_alloc();
}
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;
Hasher::~Hasher() = default;

void Hasher::update(std::span<const std::byte> bytes) {
  EVP_DigestUpdate(impl_->context, bytes.data(), bytes.size());
}
void Hasher::update(std::string_view bytes) {
  EVP_DigestUpdate(impl_->context, bytes.data(), bytes.size());
}

Digest Hasher::finish() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  unsigned size = 0;
  EVP_DigestFinal_ex(impl_->context, out.data(), &size);
  const std::string encoded = hex({reinterpret_cast<const char*>(out.data()), size});
  return Digest::parse(impl_->algorithm + ":" + encoded).value();
}

}  // namespace shipset

#include "shipset/base/hash_trail.hpp"

#include <openssl/evp.h>

#include <array>
#include <new>
#include <vector>

#include "shipset/base/text.hpp"

namespace shipset {

namespace {
struct Freed {
  void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_MD_CTX, Freed>;

Context fresh() {
  Context out(EVP_MD_CTX_new());
  if (!out) throw std::bad_alloc();
  return out;
}

Context copy_of(const Context& other) {
  Context out = fresh();
  if (EVP_MD_CTX_copy_ex(out.get(), other.get()) != 1) throw std::bad_alloc();
  return out;
}
}  // namespace

struct HashTrail::Impl {
  struct Mark {
    std::uint64_t position;
    Context state;
  };
  std::string_view algorithm;
  std::uint64_t spacing, position = 0;
  Context running = fresh();
  std::vector<Mark> marks{};  ///< ascending; the first is the start

  /// A mark goes when its neighbours lie close together, seen from here.
  void set_mark() {
    for (std::size_t i = 1; i + 1 < marks.size();) {
      const std::uint64_t gap = marks[i + 1].position - marks[i - 1].position;
      if (gap <= (position - marks[i + 1].position) / 2)
        marks.erase(marks.begin() + static_cast<std::ptrdiff_t>(i));
      else
        ++i;
    }
    marks.push_back({position, copy_of(running)});
  }
};

HashTrail::HashTrail(std::string_view algorithm, std::uint64_t spacing) : impl_(std::make_unique<Impl>()) {
  impl_->algorithm = algorithm == "sha512" ? "sha512" : "sha256";
  impl_->spacing = spacing;
  const EVP_MD* method = algorithm == "sha512" ? EVP_sha512() : EVP_sha256();
  if (EVP_DigestInit_ex(impl_->running.get(), method, nullptr) != 1) throw std::bad_alloc();
  impl_->set_mark();
}
HashTrail::HashTrail(HashTrail&&) noexcept = default;
HashTrail& HashTrail::operator=(HashTrail&&) noexcept = default;
HashTrail::~HashTrail() = default;

void HashTrail::update(std::span<const std::byte> bytes) {
  if (impl_->position >= impl_->marks.back().position + impl_->spacing) impl_->set_mark();
  EVP_DigestUpdate(impl_->running.get(), bytes.data(), bytes.size());
  impl_->position += bytes.size();
}

std::uint64_t HashTrail::position() const noexcept {
  return impl_->position;
}

std::uint64_t HashTrail::rewind(std::uint64_t offset) {
  if (offset >= impl_->position) return impl_->position;
  while (impl_->marks.back().position > offset) impl_->marks.pop_back();
  impl_->running = copy_of(impl_->marks.back().state);
  impl_->position = impl_->marks.back().position;
  return impl_->position;
}

Digest HashTrail::digest() const {
  const Context last = copy_of(impl_->running);
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  unsigned size = 0;
  EVP_DigestFinal_ex(last.get(), out.data(), &size);
  const std::string encoded = hex({reinterpret_cast<const char*>(out.data()), size});
  return Digest::parse(std::string(impl_->algorithm) + ":" + encoded).value();
}

}  // namespace shipset

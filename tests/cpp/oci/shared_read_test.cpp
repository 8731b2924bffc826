#include <atomic>
#include <thread>

#include "catch_shim.hpp"
#include "shared_read_impl.hpp"

using namespace shipset;
using namespace shipset::oci::detail;

namespace {

/// Numbered bytes; counts how often it is opened, and may break at an offset.
class CountingSource final : public Source {
 public:
  CountingSource(std::uint64_t size, std::uint64_t breaks_at) : size_(size), breaks_at_(breaks_at) {}
  [[nodiscard]] std::uint64_t size() const override { return size_; }
  [[nodiscard]] Result<std::unique_ptr<Reader>> open(std::uint64_t offset) const override {
    ++opened;
    return std::unique_ptr<Reader>(std::make_unique<Bytes>(*this, offset));
  }
  mutable std::atomic<int> opened{0};
  mutable std::atomic<std::uint64_t> bytes_read{0};

 private:
  class Bytes final : public Reader {
   public:
    Bytes(const CountingSource& source, std::uint64_t at) : source_(source), at_(at) {}
    Result<std::size_t> read(std::span<std::byte> buffer) override {
      if (at_ >= source_.breaks_at_) return Error(ErrorKind::network, "the line broke");
      const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), source_.size_ - at_));
      for (std::size_t i = 0; i < count; ++i) buffer[i] = static_cast<std::byte>((at_ + i) * 31 % 251);
      at_ += count;
      source_.bytes_read += count;
      return count;
    }

   private:
    const CountingSource& source_;
    std::uint64_t at_;
  };
  std::uint64_t size_, breaks_at_;
};

constexpr std::uint64_t never = ~std::uint64_t(0);

/// How many right bytes a view gives, or nullopt after an error.
std::optional<std::uint64_t> drain(const Source& view, std::chrono::milliseconds pause = {}) {
  auto reader = view.open(0);
  if (!reader) return std::nullopt;
  std::vector<std::byte> buffer(100'000);
  std::uint64_t done = 0;
  for (;;) {
    const auto count = (*reader)->read(buffer);
    if (!count) return std::nullopt;
    if (*count == 0) return done;
    for (std::size_t i = 0; i < *count; ++i)
      if (buffer[i] != static_cast<std::byte>((done + i) * 31 % 251)) return std::nullopt;
    done += *count;
    std::this_thread::sleep_for(pause);
  }
}

std::vector<std::optional<std::uint64_t>> drain_all(std::vector<std::unique_ptr<Source>>& views) {
  std::vector<std::optional<std::uint64_t>> out(views.size());
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < views.size(); ++i)
    threads.emplace_back([&, i] {
      out[i] = drain(*views[i]);
      views[i].reset();
    });
  for (auto& thread : threads) thread.join();
  return out;
}

}  // namespace

TEST_CASE("shared read, several readers, one pass over the source") {
  for (const std::uint64_t size : {0ull, 1ull, 256ull << 10, (5ull << 20) + 7, 20ull << 20}) {
    const CountingSource source(size, never);
    auto views = share_reads(source, 3);
    for (const auto& done : drain_all(views)) CHECK(done == size);
    CHECK(source.opened == 1);
    CHECK(source.bytes_read == size);
  }
}

TEST_CASE("shared read, a view that is never read, holds nobody back") {
  const CountingSource source(20u << 20, never);
  auto views = share_reads(source, 3);
  views.pop_back();
  for (const auto& done : drain_all(views)) CHECK(done == source.size());
  CHECK(source.bytes_read == source.size());
}

TEST_CASE("shared read, a view that waits for long, goes on by itself and gets the same bytes") {
  const CountingSource source(8u << 20, never);
  auto views = share_reads(source, 2);
  auto late = views[1]->open(0);  // takes part, and reads nothing for now
  REQUIRE(late.ok());
  CHECK(drain(*views[0]) == source.size());
  std::vector<std::byte> buffer(1u << 20);
  std::uint64_t done = 0;
  for (;;) {
    const auto count = (*late)->read(buffer);
    REQUIRE(count.ok());
    if (*count == 0) break;
    CHECK(buffer[0] == static_cast<std::byte>(done * 31 % 251));
    done += *count;
  }
  CHECK(done == source.size());
}

TEST_CASE("shared read, source that breaks, is an error for every reader") {
  const CountingSource source(8u << 20, 3u << 20);
  auto views = share_reads(source, 2);
  for (const auto& done : drain_all(views)) CHECK_FALSE(done);
}

TEST_CASE("shared read, opened at an offset or again, reads on its own") {
  const CountingSource source(1u << 20, never);
  auto views = share_reads(source, 2);
  auto reader = views[0]->open(1000);
  REQUIRE(reader.ok());
  std::byte one[1];
  REQUIRE((*reader)->read(one).ok());
  CHECK(one[0] == static_cast<std::byte>(1000 * 31 % 251));
  CHECK(drain(*views[1]) == source.size());
  CHECK(drain(*views[1]) == source.size());
  CHECK(source.opened == 3);
}

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>

#include "shared_read_impl.hpp"

namespace shipset::oci::detail {

namespace {
constexpr std::size_t block_bytes = 256u << 10;
constexpr std::size_t window_blocks = 16;
/// So long the others wait for the slowest reader before it is left to itself.
constexpr auto patience = std::chrono::seconds(2);

using Block = std::shared_ptr<const std::vector<std::byte>>;

class Window {
 public:
  Window(const Source& source, std::size_t readers)
      : source_(source), positions_(readers, 0), members_(readers, true) {}
  [[nodiscard]] const Source& source() const noexcept { return source_; }

  /// The next block for a reader: empty vector at the end, nullptr when the reader must go on by itself.
  Result<Block> next(std::size_t reader) {
    std::unique_lock lock(mutex_);
    for (;;) {
      if (!members_[reader]) return Block();
      const std::size_t at = positions_[reader];
      if (at < first_ + blocks_.size()) {
        Block block = blocks_[at - first_];
        ++positions_[reader];
        trim();
        changed_.notify_all();
        return block;
      }
      if (failure_) return *failure_;
      if (reading_ || !make_room(lock)) {
        changed_.wait_for(lock, std::chrono::milliseconds(100));
        continue;
      }
      SHIPSET_CHECK(produce(lock));
    }
  }

  void leave(std::size_t reader) {
    const std::lock_guard lock(mutex_);
    members_[reader] = false;
    trim();
    changed_.notify_all();
  }

 private:
  void trim() {
    std::size_t slowest = first_ + blocks_.size();
    for (std::size_t i = 0; i < positions_.size(); ++i)
      if (members_[i]) slowest = std::min(slowest, positions_[i]);
    while (first_ < slowest && !blocks_.empty()) {
      blocks_.pop_front();
      ++first_;
      full_since_ = {};
    }
  }

  /// Whether another block may be read. A window that stays full loses its slowest reader.
  bool make_room(std::unique_lock<std::mutex>&) {
    if (blocks_.size() < window_blocks) return true;
    const auto now = std::chrono::steady_clock::now();
    if (full_since_ == std::chrono::steady_clock::time_point{}) full_since_ = now;
    if (now - full_since_ < patience) return false;
    for (std::size_t i = 0; i < positions_.size(); ++i)
      if (positions_[i] == first_) members_[i] = false;
    trim();
    changed_.notify_all();
    return blocks_.size() < window_blocks;
  }

  Result<void> produce(std::unique_lock<std::mutex>& lock) {
    reading_ = true;
    lock.unlock();
    auto block = read_block();
    lock.lock();
    reading_ = false;
    changed_.notify_all();
    if (!block) {
      failure_ = block.error();
      return std::move(block).error();
    }
    blocks_.push_back(std::move(*block));
    return {};
  }

  Result<Block> read_block() {
    if (!reader_) {
      SHIPSET_TRY(reader_, source_.open(0));
    }
    auto bytes = std::make_shared<std::vector<std::byte>>(block_bytes);
    std::size_t filled = 0;
    while (filled < block_bytes) {
      SHIPSET_TRY(const std::size_t count, reader_->read(std::span(*bytes).subspan(filled)));
      if (count == 0) break;
      filled += count;
    }
    bytes->resize(filled);
    return Block(std::move(bytes));
  }

  const Source& source_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Block> blocks_;
  std::size_t first_ = 0;               ///< number of blocks_.front()
  std::vector<std::size_t> positions_;  ///< next block of each reader
  std::vector<bool> members_;
  std::chrono::steady_clock::time_point full_since_{};
  bool reading_ = false;
  std::optional<Error> failure_;
  std::unique_ptr<Reader> reader_;  ///< used by the one who reads
};

class SharedReader final : public Reader {
 public:
  SharedReader(std::shared_ptr<Window> window, std::size_t number) : window_(std::move(window)), number_(number) {}
  ~SharedReader() override { window_->leave(number_); }
  SharedReader(const SharedReader&) = delete;
  SharedReader& operator=(const SharedReader&) = delete;

  Result<std::size_t> read(std::span<std::byte> buffer) override {
    if (own_) return own_->read(buffer);
    if (offset_ == (block_ ? block_->size() : 0)) {
      if (ended_) return std::size_t(0);
      SHIPSET_TRY(block_, window_->next(number_));
      offset_ = 0;
      if (!block_) {
        SHIPSET_TRY(own_, window_->source().open(done_));
        return own_->read(buffer);
      }
      ended_ = block_->size() < block_bytes;
    }
    const std::size_t count = std::min(buffer.size(), block_->size() - offset_);
    if (count > 0) std::memcpy(buffer.data(), block_->data() + offset_, count);
    offset_ += count;
    done_ += count;
    return count;
  }

 private:
  std::shared_ptr<Window> window_;
  const std::size_t number_;
  Block block_;
  std::size_t offset_ = 0;
  std::uint64_t done_ = 0;
  bool ended_ = false;
  std::unique_ptr<Reader> own_;
};

class SharedView final : public Source {
 public:
  SharedView(std::shared_ptr<Window> window, std::size_t number) : window_(std::move(window)), number_(number) {}
  ~SharedView() override {
    if (!opened_.exchange(true)) window_->leave(number_);
  }
  SharedView(const SharedView&) = delete;
  SharedView& operator=(const SharedView&) = delete;
  [[nodiscard]] std::uint64_t size() const override { return window_->source().size(); }
  [[nodiscard]] Result<std::unique_ptr<Reader>> open(std::uint64_t offset) const override {
    if (offset == 0 && !opened_.exchange(true))
      return std::unique_ptr<Reader>(std::make_unique<SharedReader>(window_, number_));
    if (!opened_.exchange(true)) window_->leave(number_);
    return window_->source().open(offset);
  }

 private:
  std::shared_ptr<Window> window_;
  const std::size_t number_;
  mutable std::atomic<bool> opened_{false};
};
}  // namespace

std::vector<std::unique_ptr<Source>> share_reads(const Source& source, std::size_t readers) {
  auto window = std::make_shared<Window>(source, readers);
  std::vector<std::unique_ptr<Source>> out;
  for (std::size_t i = 0; i < readers; ++i) out.push_back(std::make_unique<SharedView>(window, i));
  return out;
}

}  // namespace shipset::oci::detail

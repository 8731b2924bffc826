// The pipeline behind Compressor: a ring of blocks, filled and written out by the calling thread, compressed by
// workers in any order, hashed by one thread in order. A block is free again when it was compressed, hashed, written.
#include "shipset/base/compress.hpp"

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#ifdef __linux__
#include <sched.h>
#endif

#include "compress_impl.hpp"

namespace shipset {

namespace compress {

namespace {
constexpr unsigned max_threads = 16;
}

unsigned usable_cores() noexcept {
  unsigned cores = std::thread::hardware_concurrency();
#ifdef __linux__
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof(set), &set) == 0) cores = static_cast<unsigned>(CPU_COUNT(&set));
#endif
  return std::clamp(cores, 1u, max_threads);
}

namespace {

/// No compression. Small writes are gathered, because the output may be a file.
class PlainCompressor final : public Compressor {
 public:
  PlainCompressor(Writer& out, Hasher* content) : out_(out), content_(content) {}
  Result<void> write(std::span<const std::byte> bytes) override {
    if (content_ != nullptr) content_->update(bytes);
    if (gathered_.size() + bytes.size() > gather_bytes) SHIPSET_CHECK(flush());
    if (bytes.size() >= gather_bytes) return out_.write(bytes);
    gathered_.insert(gathered_.end(), bytes.begin(), bytes.end());
    return {};
  }
  Result<void> finish() override { return flush(); }

 private:
  static constexpr std::size_t gather_bytes = 256 * 1024;
  Result<void> flush() {
    if (gathered_.empty()) return {};
    SHIPSET_CHECK(out_.write(gathered_));
    gathered_.clear();
    return {};
  }
  Writer& out_;
  Hasher* content_;
  std::vector<std::byte> gathered_;
};

struct Block {
  std::unique_ptr<std::byte[]> in, out;
  std::size_t in_size = 0, out_size = 0;
  bool compressed = false, hashed = false;
};

class BlockCompressor final : public Compressor {
 public:
  BlockCompressor(Compression compression, Writer& out, unsigned threads, Hasher* content)
      : compression_(compression), out_(out), threads_(threads), content_(content) {}
  BlockCompressor(const BlockCompressor&) = delete;
  ~BlockCompressor() override { stop(); }
  Result<void> write(std::span<const std::byte> bytes) override;
  Result<void> finish() override;

 private:
  Result<void> write_some(std::span<const std::byte>& bytes);
  Result<void> prepare();
  Result<void> submit();
  Result<void> encode_here(Block& block);
  void start();
  Result<void> drain(bool all);
  void stop();
  void compress_blocks(BlockEncoder& encoder);
  void hash_blocks();
  Block& at(std::uint64_t number) { return ring_[number % ring_.size()]; }

  const Compression compression_;
  Writer& out_;
  const unsigned threads_;
  Hasher* const content_;
  std::optional<Error> failure_;  ///< of the calling thread: every later call returns it
  bool finished_ = false;

  // Blocks are numbered; each counter is the next block of its stage. filling_ and written_ belong to the caller.
  std::vector<Block> ring_;
  std::uint64_t filling_ = 0, written_ = 0;
  std::vector<std::unique_ptr<BlockEncoder>> encoders_;
  std::vector<std::thread> workers_;
  bool started_ = false;
  bool hashing_ = false;  ///< a thread does it

  std::mutex mutex_;
  std::condition_variable ready_, hash_ready_, done_;  ///< for a worker, for the hashing thread, for the caller
  std::uint64_t submitted_ = 0, taken_ = 0;            ///< under mutex_, as the flags of the blocks
  bool stopping_ = false;
  std::optional<Error> worker_error_;
};

/// Memory for the first block only: small layers need neither a ring nor threads.
Result<void> BlockCompressor::prepare() {
  if (!ring_.empty()) return {};
  SHIPSET_TRY(auto encoder, make_encoder(compression_));
  encoders_.push_back(std::move(encoder));
  ring_.resize(threads_ + 3);
  return {};
}

Result<void> BlockCompressor::write_some(std::span<const std::byte>& bytes) {
  SHIPSET_CHECK(prepare());
  Block& block = at(filling_);
  if (!block.in) block.in = std::make_unique_for_overwrite<std::byte[]>(block_bytes);
  const std::size_t count = std::min(bytes.size(), block_bytes - block.in_size);
  std::memcpy(block.in.get() + block.in_size, bytes.data(), count);
  block.in_size += count;
  bytes = bytes.subspan(count);
  return block.in_size == block_bytes ? submit() : Result<void>();
}

Result<void> BlockCompressor::write(std::span<const std::byte> bytes) {
  if (failure_) return *failure_;
  while (!bytes.empty()) {
    if (auto step = write_some(bytes); !step) return failure_.emplace(std::move(step).error());
  }
  return {};
}

/// Hands the current block to the workers and makes the next one free.
Result<void> BlockCompressor::submit() {
  if (!started_) start();
  Block& block = at(filling_++);
  if (!block.out) block.out = std::make_unique_for_overwrite<std::byte[]>(encoders_.front()->bound());
  if (workers_.empty()) {
    SHIPSET_CHECK(encode_here(block));
  } else {
    {
      const std::scoped_lock lock(mutex_);
      submitted_ = filling_;
    }
    ready_.notify_one();
    hash_ready_.notify_one();
  }
  return drain(false);
}

/// One block on the calling thread: a small layer, or a system that gives no threads.
Result<void> BlockCompressor::encode_here(Block& block) {
  if (!block.out) block.out = std::make_unique_for_overwrite<std::byte[]>(encoders_.front()->bound());
  const std::span<const std::byte> in(block.in.get(), block.in_size);
  if (content_ != nullptr) content_->update(in);
  SHIPSET_TRY(block.out_size, encoders_.front()->encode(in, {block.out.get(), encoders_.front()->bound()}));
  block.compressed = block.hashed = true;
  return {};
}

void BlockCompressor::start() {
  started_ = true;
  while (encoders_.size() < threads_) {
    auto encoder = make_encoder(compression_);
    if (!encoder) break;
    encoders_.push_back(*std::move(encoder));
  }
  workers_.reserve(encoders_.size() + 1);
  try {
    if (content_ != nullptr) {
      workers_.emplace_back([this] { hash_blocks(); });
      hashing_ = true;
    }
    for (auto& encoder : encoders_) workers_.emplace_back([this, &encoder] { compress_blocks(*encoder); });
  } catch (const std::system_error&) {
    // With at least one worker things go on, slower; without one the caller does the work.
    if (workers_.size() <= (hashing_ ? 1u : 0u)) stop();
  }
}

void BlockCompressor::compress_blocks(BlockEncoder& encoder) {
  std::unique_lock lock(mutex_);
  for (;;) {
    ready_.wait(lock, [&] { return stopping_ || taken_ < submitted_; });
    if (stopping_) return;
    Block& block = at(taken_++);
    lock.unlock();
    auto size = encoder.encode({block.in.get(), block.in_size}, {block.out.get(), encoder.bound()});
    lock.lock();
    if (!size && !worker_error_) worker_error_ = size.error();
    block.out_size = size ? *size : 0;
    block.compressed = true;
    done_.notify_one();
  }
}

void BlockCompressor::hash_blocks() {
  std::unique_lock lock(mutex_);
  for (std::uint64_t next = 0;; ++next) {
    hash_ready_.wait(lock, [&] { return stopping_ || next < submitted_; });
    if (stopping_) return;
    Block& block = at(next);
    lock.unlock();
    content_->update(std::span<const std::byte>(block.in.get(), block.in_size));
    lock.lock();
    block.hashed = true;
    done_.notify_one();
  }
}

/// Writes out finished blocks in order; waits only until the next block to fill is free, or for all of them.
Result<void> BlockCompressor::drain(bool all) {
  while (written_ < filling_) {
    Block& block = at(written_);
    const bool must = all || filling_ - written_ >= ring_.size();
    const bool hash_too = hashing_;
    {
      std::unique_lock lock(mutex_);
      const auto complete = [&] { return block.compressed && (block.hashed || !hash_too); };
      if (!must && !complete()) return {};
      done_.wait(lock, complete);
      if (worker_error_) return *worker_error_;
    }
    SHIPSET_CHECK(out_.write({block.out.get(), block.out_size}));
    block.compressed = block.hashed = false;
    block.in_size = 0;
    ++written_;
  }
  return {};
}

Result<void> BlockCompressor::finish() {
  if (failure_) return *failure_;
  if (finished_) return {};
  const auto last = [&]() -> Result<void> {
    SHIPSET_CHECK(prepare());
    Block& block = at(filling_);
    // Even no input at all is one member: an empty file is no gzip file.
    if (block.in_size != 0 || filling_ == 0) {
      if (!block.in) block.in = std::make_unique_for_overwrite<std::byte[]>(block_bytes);
      if (workers_.empty()) {
        ++filling_;
        SHIPSET_CHECK(encode_here(block));
      } else {
        SHIPSET_CHECK(submit());
      }
    }
    return drain(true);
  }();
  stop();
  if (!last) return failure_.emplace(last.error());
  finished_ = true;
  return {};
}

void BlockCompressor::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  ready_.notify_all();
  hash_ready_.notify_all();
  for (auto& worker : workers_) worker.join();
  workers_.clear();
  hashing_ = false;
}

}  // namespace
}  // namespace compress

std::unique_ptr<Compressor> make_compressor(Compression compression, Writer& out, unsigned threads, Hasher* content) {
  if (compression == Compression::none) return std::make_unique<compress::PlainCompressor>(out, content);
  const unsigned count = threads == 0 ? compress::usable_cores() : std::min(threads, compress::max_threads);
  return std::make_unique<compress::BlockCompressor>(available(compression), out, count, content);
}

}  // namespace shipset

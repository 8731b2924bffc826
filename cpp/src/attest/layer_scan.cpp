#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <unordered_map>

#include "layer_scan_impl.hpp"
#include "lines_impl.hpp"
#include "shipset/base/compress.hpp"
#include "shipset/base/text.hpp"

namespace shipset::attest {

namespace {

constexpr std::size_t piece_bytes = 256u << 10;
constexpr std::size_t max_facts_bytes = 192u << 20;  // of one layer
constexpr std::size_t max_pending = 4096;            // files of one layer that want a further pass
constexpr int max_passes = 3;
constexpr std::string_view whiteout_prefix = ".wh.";
constexpr std::string_view opaque_name = ".wh..wh..opq";

/// Passes a stream on, notices a stop, and remembers whether an error came from here or from what reads it.
class WatchedReader final : public Reader {
 public:
  WatchedReader(std::unique_ptr<Reader> in, const CancelToken& cancel, bool& failed)
      : in_(std::move(in)), cancel_(cancel), failed_(failed) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    auto count = cancel_.cancelled() ? Result<std::size_t>(cancel_.check().error()) : in_->read(buffer);
    failed_ = failed_ || !count.ok();
    return count;
  }

 private:
  std::unique_ptr<Reader> in_;
  const CancelToken& cancel_;
  bool& failed_;
};

struct Scan {
  const Cataloguer* cataloguer = nullptr;
  std::unique_ptr<FileScan> scan;
  bool active = true;
};

class LayerPass {
 public:
  LayerPass(std::span<const Cataloguer* const> cataloguers, const CancelToken& cancel)
      : cataloguers_(cataloguers), cancel_(cancel), buffer_(piece_bytes) {}

  Result<LayerFacts> run(const Source& blob) {
    for (int pass = 0; pass < max_passes && (pass == 0 || !pending_.empty()); ++pass)
      SHIPSET_CHECK(stream(blob, pass + 1 == max_passes));
    out_.paths.seal();
    for (auto& [path, files] : found_)
      for (auto& file : files) out_.files.push_back(std::move(file));
    return std::move(out_);
  }

 private:
  Result<void> stream(const Source& blob, bool last) {
    bool failed = false;  // below the archive: store, network, compression
    SHIPSET_TRY(auto raw, blob.open());
    SHIPSET_TRY(auto plain, make_decompressor(std::move(raw)));
    WatchedReader in(std::move(plain), cancel_, failed);
    TarReader tar(in);
    if (auto done = entries(tar, last); !done) {
      if (failed) return done;
      out_.complete = false;
      if (first_pass_) out_.notes.push_back("a layer was not read to its end: " + printable(text_of(done.error())));
    }
    while (true) {  // to the end, so that the store can verify what it gave
      SHIPSET_TRY(const std::size_t count, in.read(std::as_writable_bytes(std::span(buffer_))));
      if (count == 0) break;
    }
    first_pass_ = false;
    return {};
  }

  static std::string text_of(const Error& error) {
    return error.why.empty() ? error.what : error.what + ": " + error.why;
  }

  Result<void> entries(TarReader& tar, bool last) {
    TarEntry entry;
    for (std::uint64_t ordinal = 0;; ++ordinal) {
      SHIPSET_TRY(const bool more, tar.next(entry));
      if (!more) return {};
      if (!first_pass_) {
        if (const auto at = pending_.find(ordinal); at != pending_.end()) {
          auto scans = std::move(at->second);
          pending_.erase(at);
          SHIPSET_CHECK(read(tar, entry, ordinal, std::move(scans), last));
        }
        continue;
      }
      if (note_path(entry)) SHIPSET_CHECK(look_at(tar, entry, ordinal));
    }
  }

  /// False for whiteouts, which are no files.
  bool note_path(const TarEntry& entry) {
    const auto name = base_name(entry.path);
    const auto parent = parent_path(entry.path);
    if (name == opaque_name) {
      out_.paths.add_opaque(parent);
      return false;
    }
    if (name.starts_with(whiteout_prefix)) {
      if (name.starts_with(".wh..wh.")) return false;  // bookkeeping of aufs
      const auto hidden = name.substr(whiteout_prefix.size());
      out_.paths.add_whiteout(parent.empty() ? std::string(hidden) : fmt::format("{}/{}", parent, hidden));
      return false;
    }
    out_.paths.add(entry.path, entry.type == TarType::directory);
    found_.erase(entry.path);  // an archive may hold a path twice: the last counts
    return true;
  }

  Result<void> look_at(TarReader& tar, const TarEntry& entry, std::uint64_t ordinal) {
    if (entry.type == TarType::hardlink) link(entry);
    if (entry.type != TarType::file || entry.size_bytes == 0) return {};
    std::vector<Scan> scans;
    for (const auto* cataloguer : cataloguers_)
      if (auto scan = cataloguer->open(entry)) scans.push_back({cataloguer, std::move(scan)});
    if (scans.empty()) return {};
    return read(tar, entry, ordinal, std::move(scans), false);
  }

  /// A hard link to a file that told something tells the same under its own name, if that name is of interest.
  void link(const TarEntry& entry) {
    const auto target = found_.find(entry.link);
    if (target == found_.end()) return;
    const auto originals = target->second;
    for (auto file : originals) {
      if (!file.cataloguer->open(entry)) continue;
      file.facts.path = entry.path;
      file.facts.notes.clear();
      store(std::move(file));
    }
  }

  Result<void> read(TarReader& tar, const TarEntry& entry, std::uint64_t ordinal, std::vector<Scan> scans, bool last) {
    for (auto& scan : scans) scan.active = true;
    auto active = scans.size();
    while (active != 0) {
      SHIPSET_TRY(const std::size_t count, tar.read(std::as_writable_bytes(std::span(buffer_))));
      if (count == 0) break;
      for (auto& scan : scans) {
        if (!scan.active) continue;
        scan.active = scan.scan->feed({buffer_.data(), count});
        active -= scan.active ? 0 : 1;
      }
    }
    std::vector<Scan> again;
    for (auto& scan : scans) {
      if (!last && pending_.size() < max_pending && scan.scan->rewind())
        again.push_back(std::move(scan));
      else
        finish(scan, entry);
    }
    if (!again.empty()) pending_.emplace(ordinal, std::move(again));
    return {};
  }

  void finish(Scan& scan, const TarEntry& entry) {
    LayerFacts::File file{scan.cataloguer, scan.scan->finish()};
    if (file.facts.facts.empty() && !file.facts.distribution && file.facts.notes.empty()) return;
    file.facts.path = entry.path;
    store(std::move(file));
  }

  void store(LayerFacts::File&& file) {
    const auto cost = attest::weight(file.facts);
    if (kept_ + cost > max_facts_bytes) {
      if (!full_) out_.notes.emplace_back("a layer holds more package data than is kept; the rest was left out");
      full_ = true;
      out_.complete = false;
      return;
    }
    kept_ += cost;
    found_[file.facts.path].push_back(std::move(file));
  }

  std::span<const Cataloguer* const> cataloguers_;
  const CancelToken& cancel_;
  std::vector<char> buffer_;
  LayerFacts out_;
  std::map<std::string, std::vector<LayerFacts::File>, std::less<>> found_;
  std::unordered_map<std::uint64_t, std::vector<Scan>> pending_;
  std::size_t kept_ = 0;
  bool first_pass_ = true, full_ = false;
};

}  // namespace

std::size_t LayerFacts::weight() const {
  std::size_t sum = sizeof(LayerFacts) + paths.weight();
  for (const auto& file : files) sum += attest::weight(file.facts);
  return sum;
}

Result<LayerFacts> scan_layer(const Source& blob, std::span<const Cataloguer* const> cataloguers,
                              const CancelToken& cancel) {
  return LayerPass(cataloguers, cancel).run(blob);
}

}  // namespace shipset::attest

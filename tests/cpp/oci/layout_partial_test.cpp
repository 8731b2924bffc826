// What a broken or killed copy into a layout leaves, and how the next one goes on with it.
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <ctime>

#include "store_fixture.hpp"

using namespace shipset;
using namespace shipset::oci;
using namespace shipset::oci::test;

namespace {
fs::path partial_of(const fs::path& layout, const Descriptor& blob) {
  return layout / (".shipset-partial-sha256-" + std::string(blob.digest.encoded()));
}

/// A far source: it breaks after some bytes, once, and tells where it was opened.
class FarSource final : public Source {
 public:
  FarSource(std::string bytes, std::uint64_t breaks_at, ErrorKind kind = ErrorKind::network)
      : bytes_(std::move(bytes)), breaks_at_(breaks_at), kind_(kind) {}
  std::uint64_t size() const override { return bytes_.size(); }
  Result<std::unique_ptr<Reader>> open(std::uint64_t offset) const override {
    struct FarReader final : Reader {
      const FarSource* source = nullptr;
      std::uint64_t at = 0;
      Result<std::size_t> read(std::span<std::byte> out) override {
        if (at >= source->breaks_at_) return Error(source->kind_, "the line went dead");
        const auto end = std::min<std::uint64_t>(source->bytes_.size(), source->breaks_at_);
        const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), end - at));
        std::memcpy(out.data(), source->bytes_.data() + at, n);
        at += n;
        return n;
      }
    };
    opened_at.push_back(offset);
    auto reader = std::make_unique<FarReader>();
    reader->source = this;
    reader->at = offset;
    return std::unique_ptr<Reader>(std::move(reader));
  }
  mutable std::vector<std::uint64_t> opened_at;

 private:
  std::string bytes_;
  std::uint64_t breaks_at_;
  ErrorKind kind_;
};

constexpr std::uint64_t never = ~std::uint64_t(0);
}  // namespace

TEST_CASE("big blob from afar, broken off, goes on at its byte, and what lies there is no part of the layout") {
  const Scratch scratch;
  auto store = new_layout(scratch / "l");
  const auto text = large_text();
  const auto blob = describe("a/b", text);
  const FarSource broken(text, 5'000'000);
  CHECK(store->put_blob(blob, broken, {}, {}).error().kind == ErrorKind::network);
  CHECK(fs::file_size(partial_of(scratch / "l", blob)) == 5'000'000);
  CHECK((fs::status(partial_of(scratch / "l", blob)).permissions() & fs::perms(0777)) == fs::perms(0600));
  CHECK_FALSE(must(store->has_blob(blob)));
  CHECK(must(store->collect_garbage(false)).removed_blobs == 0);
  auto next = new_layout(scratch / "l");  // a young one is not cleared
  const FarSource whole(text, never);
  const auto put = must(next->put_blob(blob, whole, {}, {}));
  CHECK(whole.opened_at == std::vector<std::uint64_t>{5'000'000});
  CHECK(put.kept == 5'000'000);
  CHECK(put.sent == text.size() - 5'000'000);
  CHECK(put.again == 0);
  CHECK(must(read_blob(*next, blob, 70000)) == text);
  CHECK_FALSE(fs::exists(partial_of(scratch / "l", blob)));
  CHECK(fs::status(blob_file(scratch / "l", blob.digest)).permissions() == fs::perms(0644));
}

TEST_CASE("big blob from afar, stopped at its very end, is only verified and named") {
  const Scratch scratch;
  auto store = new_layout(scratch / "l");
  const auto text = large_text();
  const auto blob = describe("a/b", text);
  write_text(partial_of(scratch / "l", blob), text);
  const FarSource whole(text, never);
  const auto put = must(store->put_blob(blob, whole, {}, {}));
  CHECK(put.sent == 0);
  CHECK(put.kept == text.size());
  CHECK(must(read_blob(*store, blob, 70000)) == text);
}

TEST_CASE("big blob from afar, with a damaged or foreign first part, is fetched whole and right") {
  const Scratch scratch;
  const auto text = large_text();
  const auto blob = describe("a/b", text);
  auto store = new_layout(scratch / "l");
  std::string damaged = text.substr(0, 5'000'000);
  damaged[77] = '!';
  write_text(partial_of(scratch / "l", blob), damaged);
  const FarSource whole(text, never);
  auto put = must(store->put_blob(blob, whole, {}, {}));
  CHECK(put.kept == 0);
  CHECK(whole.opened_at == std::vector<std::uint64_t>{5'000'000, 0});
  CHECK(must(read_blob(*store, blob, 70000)) == text);

  auto other = new_layout(scratch / "m");
  write_text(partial_of(scratch / "m", blob), text + "more than the blob has");
  CHECK(must(other->put_blob(blob, FarSource(text, never), {}, {})).kept == 0);

  auto linked = new_layout(scratch / "n");
  write_text(scratch / "victim", "not ours");
  fs::create_symlink(scratch / "victim", partial_of(scratch / "n", blob));
  CHECK(must(linked->put_blob(blob, FarSource(text, never), {}, {})).sent == text.size());
  CHECK(read_text(scratch / "victim") == "not ours");
  auto hard = new_layout(scratch / "o");
  fs::create_hard_link(scratch / "victim", partial_of(scratch / "o", blob));
  CHECK(must(hard->put_blob(blob, FarSource(text, never), {}, {})).sent == text.size());
  CHECK(read_text(scratch / "victim") == "not ours");
}

TEST_CASE("big blob from afar, wrong or failing for good, leaves no first part") {
  const Scratch scratch;
  auto store = new_layout(scratch / "l");
  const auto text = large_text();
  std::string other = text;
  other.back() = '!';
  const auto blob = describe("a/b", text);
  CHECK(store->put_blob(blob, FarSource(other, never), {}, {}).error().kind == ErrorKind::verify);
  CHECK_FALSE(fs::exists(partial_of(scratch / "l", blob)));
  CHECK(store->put_blob(blob, FarSource(text, 0), {}, {}).error().kind == ErrorKind::network);
  CHECK_FALSE(fs::exists(partial_of(scratch / "l", blob)));
  CHECK_FALSE(must(store->has_blob(blob)));
}

TEST_CASE("first part of a big blob, older than a week, is cleared; of a put that runs, it is left alone") {
  const Scratch scratch;
  const auto path = scratch / "l";
  const auto text = large_text();
  const auto blob = describe("a/b", text), busy = describe("a/b", text + "x");
  auto store = new_layout(path);
  CHECK_FALSE(store->put_blob(blob, FarSource(text, 5'000'000), {}, {}));
  const auto file = partial_of(path, blob);
  const timespec then{::time(nullptr) - 8 * 86400, 0};
  const timespec times[2] = {then, then};
  REQUIRE(::utimensat(AT_FDCWD, file.c_str(), times, 0) == 0);
  must(LayoutStore::open(path, LayoutOptions()));
  CHECK(fs::exists(file));
  new_layout(path);
  CHECK_FALSE(fs::exists(file));

  write_text(partial_of(path, busy), "half");
  const int held = ::open(partial_of(path, busy).c_str(), O_RDONLY | O_CLOEXEC);
  REQUIRE(::flock(held, LOCK_EX | LOCK_NB) == 0);
  CHECK(must(store->put_blob(busy, FarSource(text + "x", never), {}, {})).kept == 0);
  CHECK(read_text(partial_of(path, busy)) == "half");
  ::close(held);
}

TEST_CASE("big blob from afar, process killed while it is written, goes on in the next one") {
  const Scratch scratch;
  const auto path = scratch / "l";
  const auto text = large_text();
  const auto blob = describe("a/b", text);
  new_layout(path);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    LayoutOptions options;
    options.read_only = false;
    auto store = LayoutStore::open(path, options);
    const EventSink sink = [](const Event&) { ::kill(::getpid(), SIGKILL); };
    (void)(*store)->put_blob(blob, FarSource(text, never), sink, {});
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
  auto store = new_layout(path);
  const auto put = must(store->put_blob(blob, FarSource(text, never), {}, {}));
  CHECK(put.kept >= 4u << 20);
  CHECK(put.kept + put.sent == text.size());
  CHECK(must(read_blob(*store, blob, 70000)) == text);
  CHECK(temp_files(path) == 0);
}

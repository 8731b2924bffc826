#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "layer_impl.hpp"
#include "shipset/base/file.hpp"
#include "shipset/base/text.hpp"

namespace shipset::oci::detail {

namespace {

constexpr std::uint32_t directory_mode = 0755;
constexpr std::size_t piece_bytes = 256 * 1024;

bool is_archive(std::string_view name) {
  constexpr std::array<std::string_view, 4> endings{".tar", ".tar.gz", ".tgz", ".tar.zst"};
  return std::any_of(endings.begin(), endings.end(), [&](auto ending) { return name.ends_with(ending); });
}

std::string join_path(const std::string& directory, const std::string& name) {
  return directory == "." ? name : directory + "/" + name;
}

/// Gives its input through and copies it to a Writer.
class TeeReader final : public Reader {
 public:
  TeeReader(Reader& in, Writer& out) : in_(in), out_(out) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    SHIPSET_TRY(const std::size_t count, in_.read(buffer));
    if (count != 0) SHIPSET_CHECK(out_.write(buffer.first(count)));
    return count;
  }

 private:
  Reader& in_;
  Writer& out_;
};

TarLimits strict_limits() {
  TarLimits limits;
  limits.strict_end = true;
  return limits;
}

/// `to` in its plain form. The leading "/" is the root of the image.
Result<std::string> plain_target(const std::string& to) {
  const auto path = std::string_view(to).substr(std::min(to.find_first_not_of('/'), to.size()));
  if (path.empty()) return std::string(".");
  auto plain = normal_tar_path(path);
  if (!plain)
    return Error(ErrorKind::usage, "wrong target \"" + printable(to, 200) + "\" of a layer", plain.error().why,
                 "name a path in the image, for example /app/");
  return plain;
}

/// The target directory itself, as the owner of the layer wants it, below the directories above it.
Result<void> write_target(const LayerPlan& plan, TarWriter& out) {
  if (plan.to == ".") return {};
  SHIPSET_CHECK(write_parents(plan, plan.to, out));
  return out.entry(plan.entry(TarType::directory, plan.to, directory_mode));
}

Result<void> rewrite_tar(const LayerPlan& plan, Reader& in, TarWriter& out) {
  TarReader reader(in, strict_limits());
  std::vector<std::byte> piece(piece_bytes);
  for (;;) {
    TarEntry entry;
    SHIPSET_TRY(const bool more, reader.next(entry));
    if (!more) return {};
    // The root of the archive is the target directory, which is written already.
    if (entry.path == ".") continue;
    entry.path = join_path(plan.to, entry.path);
    if (entry.type == TarType::hardlink) entry.link = join_path(plan.to, entry.link);
    if (plan.input.uid) entry.uid = *plan.input.uid;
    if (plan.input.gid) entry.gid = *plan.input.gid;
    if (plan.input.mode && entry.type == TarType::file) entry.mode = *plan.input.mode;
    entry.mtime_unix_s = std::min(entry.mtime_unix_s, std::max<std::int64_t>(plan.options.mtime_unix_s, 0));
    SHIPSET_CHECK(out.entry(entry));
    for (;;) {
      SHIPSET_TRY(const std::size_t count, reader.read(piece));
      if (count == 0) break;
      SHIPSET_CHECK(out.content(std::span(piece).first(count)));
    }
  }
}

Result<void> write_archive(const LayerPlan& plan, Writer& out) {
  SHIPSET_TRY(const auto source, file_source(plan.input.from));
  SHIPSET_TRY(auto packed, source->open());
  SHIPSET_TRY(const auto plain, make_decompressor(std::move(packed)));
  if (plan.to == "." && !plan.input.uid && !plan.input.gid && !plan.input.mode) return copy_tar(*plain, out);
  TarWriter writer(out);
  SHIPSET_CHECK(write_target(plan, writer));
  SHIPSET_CHECK(rewrite_tar(plan, *plain, writer));
  return writer.finish();
}

Result<void> write_single(const LayerPlan& plan, TarWriter& out) {
  const bool into = plan.to == "." || plan.input.to.ends_with('/');
  const auto path = into ? join_path(plan.to, plan.input.from.filename().string()) : plan.to;
  SHIPSET_CHECK(write_parents(plan, path, out));
  return write_file(plan, plan.input.from, path, true, out);
}

Result<void> write_from(const LayerPlan& plan, Writer& out) {
  struct stat info {};
  if (::stat(plan.input.from.c_str(), &info) != 0)
    return io_error("cannot read layer input " + plan.input.from.string(), errno);
  if (S_ISREG(info.st_mode) && is_archive(plan.input.from.filename().string())) return write_archive(plan, out);
  TarWriter writer(out);
  if (S_ISDIR(info.st_mode)) {
    SHIPSET_CHECK(write_target(plan, writer));
    SHIPSET_CHECK(write_directory(plan, writer));
  } else if (S_ISREG(info.st_mode)) {
    SHIPSET_CHECK(write_single(plan, writer));
  } else {
    return Error(ErrorKind::build, "cannot make a layer of " + plan.input.from.string(),
                 "it is neither a directory nor a regular file");
  }
  return writer.finish();
}

}  // namespace

TarEntry LayerPlan::entry(TarType type, std::string path, std::uint32_t mode) const {
  TarEntry out;
  out.path = std::move(path);
  out.type = type;
  out.mode = type == TarType::file && input.mode ? *input.mode : mode;
  out.uid = input.uid.value_or(0);
  out.gid = input.gid.value_or(0);
  out.mtime_unix_s = std::max<std::int64_t>(options.mtime_unix_s, 0);
  return out;
}

Result<void> write_parents(const LayerPlan& plan, std::string_view path, TarWriter& out) {
  for (auto slash = path.find('/'); slash != std::string_view::npos; slash = path.find('/', slash + 1)) {
    const auto parent = path.substr(0, slash);
    auto entry = plan.entry(TarType::directory, std::string(parent), directory_mode);
    entry.uid = entry.gid = 0;
    if (parent == "tmp" || parent == "var/tmp") entry.mode = 01777;
    if (parent == "root") entry.mode = 0700;
    SHIPSET_CHECK(out.entry(entry));
  }
  return {};
}

Result<void> copy_tar(Reader& tar, Writer& out) {
  TeeReader tee(tar, out);
  TarReader reader(tee, strict_limits());
  for (;;) {
    TarEntry entry;
    SHIPSET_TRY(const bool more, reader.next(entry));
    if (!more) return {};
  }
}

Result<void> write_layer(const LayerInput& input, const LayerOptions& options, Writer& out) {
  SHIPSET_TRY(auto to, plain_target(input.to));
  auto done = write_from(LayerPlan{input, options, std::move(to)}, out);
  if (!done) return std::move(done).error().with("input", input.from.string());
  return {};
}

}  // namespace shipset::oci::detail

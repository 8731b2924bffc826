#include "journal.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>
#include <utility>

#include "shipset/base/json.hpp"
#include "shipset/base/text.hpp"

namespace shipset::release {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t max_journal_bytes = 256u << 20;
constexpr std::size_t max_record_bytes = 16u << 20;
constexpr std::size_t check_length = 16;

std::string check_of(const std::string& before, std::string_view json) {
  return std::string(Digest::of(before + std::string(json)).encoded().substr(0, check_length));
}

Error broken(const std::string& object, std::size_t line, std::string why) {
  return Error(ErrorKind::verify, object + " cannot be used: line " + std::to_string(line) + " does not hold",
               std::move(why),
               "was it edited? Look at the tags by hand (shipset inspect), put it aside, then release again");
}

Result<void> check_header(std::string_view json, const std::string& object) {
  auto header = parse_json(json, object, ErrorKind::verify, {max_record_bytes, 32, 200'000});
  if (!header) return std::move(header).error();
  if (!header->is_object() || header->value("kind", Json()) != Json("shipset.journal"))
    return Error(ErrorKind::verify, object + " is no journal of a release", "its first line says something else");
  if (header->value("schema_version", Json()) != Json(journal_schema_version))
    return Error(ErrorKind::usage,
                 object + " has schema version " + printable(header->value("schema_version", Json()).dump(), 40),
                 "this shipset reads " + std::to_string(journal_schema_version),
                 "go on with the version of shipset that wrote it");
  return {};
}

}  // namespace

std::string journal_line(const std::string& before, std::string_view json) {
  return check_of(before, json) + " " + std::string(json) + "\n";
}

Result<JournalLines> read_journal(std::string_view text, const std::string& object) {
  JournalLines out;
  std::size_t at = 0, number = 0;
  while (at < text.size()) {
    ++number;
    const auto end = text.find('\n', at);
    if (end == std::string_view::npos) {
      out.torn = true;
      break;
    }
    const std::string_view line = text.substr(at, end - at);
    const bool last = end + 1 == text.size();
    if (line.size() > max_record_bytes) return broken(object, number, "it is longer than 16 MiB");
    const bool shaped = line.size() > check_length + 1 && line[check_length] == ' ';
    const std::string_view json = shaped ? line.substr(check_length + 1) : std::string_view();
    const std::string check = shaped ? check_of(out.check, json) : std::string();
    if (!shaped || line.substr(0, check_length) != check) {
      if (number == 1 && !last)
        return Error(ErrorKind::verify, object + " is no journal of a release", "its first line does not hold");
      // Blocks of a last write may reach the disk out of order when the machine dies.
      if (!last || number == 1) return broken(object, number, "its checksum is wrong");
      out.torn = true;
      break;
    }
    if (number == 1) SHIPSET_CHECK(check_header(json, object));
    out.records.emplace_back(json);
    out.check = check;
    at = end + 1;
    out.bytes = at;
  }
  return out;
}

Result<std::unique_ptr<Journal>> Journal::open(const fs::path& folder, const std::string& id) {
  SHIPSET_CHECK(make_directories(folder));
  auto lock = FileLock::acquire(folder / lock_name, std::chrono::milliseconds(0));
  if (!lock)
    return Error(ErrorKind::policy, "another process works on release " + id,
                 "it holds " + (folder / lock_name).string(), "wait for it, or end it; then run this again");
  std::unique_ptr<Journal> journal(new Journal(folder, std::move(*lock)));
  SHIPSET_CHECK(journal->load());
  return journal;
}

Result<void> Journal::load() {
  std::error_code ignored;
  JournalLines lines;
  const bool exists = fs::exists(path(), ignored);
  if (exists) {
    SHIPSET_TRY(const std::string text, read_file(path(), max_journal_bytes));
    SHIPSET_TRY(lines, read_journal(text, "the journal " + path().string()));
  }
  fd_ = ::open(path().c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (fd_ < 0) return io_error("cannot open the journal " + path().string(), errno);
  if (::ftruncate(fd_, static_cast<off_t>(lines.bytes)) != 0 || ::lseek(fd_, 0, SEEK_END) < 0)
    return io_error("cannot write the journal " + path().string(), errno);
  size_ = static_cast<off_t>(lines.bytes);
  records_ = std::move(lines.records);
  check_ = lines.check;
  return {};
}

Result<void> Journal::append(std::string_view json, Flush flush) {
  const std::lock_guard lock(mutex_);
  const std::string check = check_of(check_, json);
  std::string line = check + " " + std::string(json) + "\n";
  std::string_view rest = line;
  while (!rest.empty()) {
    const ssize_t written = ::write(fd_, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      const int reason = errno;
      // Half a line must not be followed by another one.
      if (::ftruncate(fd_, size_) != 0 || ::lseek(fd_, size_, SEEK_SET) < 0) ::close(std::exchange(fd_, -1));
      return io_error("cannot write the journal " + path().string(), reason);
    }
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  check_ = check;
  size_ += static_cast<off_t>(line.size());
  if (flush == Flush::now && ::fdatasync(fd_) != 0)
    return io_error("cannot flush the journal " + path().string(), errno);
  return {};
}

Result<void> Journal::replace(std::string_view text) {
  SHIPSET_CHECK(write_file_atomic(path(), text));
  ::close(std::exchange(fd_, -1));
  return load();
}

Journal::~Journal() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace shipset::release

// certs.d: one folder per host with *.crt (further CAs) and pairs of *.cert and *.key (who we are).
#include <algorithm>
#include <filesystem>

#include "hosts_impl.hpp"
#include "shipset/base/file.hpp"

namespace shipset::registry {

namespace {
namespace fs = std::filesystem;
constexpr std::uint64_t certificate_limit = 4u << 20;
constexpr std::size_t file_limit = 256;

Error wrong(const fs::path& place, std::string why) {
  return {ErrorKind::io, "cannot use the certificates in " + place.string(), std::move(why),
          "see containers-certs.d(5): *.crt are CAs, *.cert and *.key belong together"};
}

Result<std::vector<fs::path>> files_of(const fs::path& folder) {
  std::vector<fs::path> out;
  std::error_code error;
  if (!fs::is_directory(folder, error)) return out;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    out.push_back(it->path());
    if (out.size() > file_limit) return wrong(folder, "it holds more than 256 files");
  }
  if (error) return wrong(folder, error.message());
  std::sort(out.begin(), out.end());
  return out;
}
}  // namespace

Result<HostFolder> read_host_folders(const std::vector<std::string>& folders, const std::vector<std::string>& names) {
  HostFolder out;
  for (const auto& parent : folders)
    for (const auto& name : names) {
      if (name.empty() || name.front() == '.' || name.find('/') != std::string::npos) continue;
      const fs::path folder = fs::path(parent) / name;
      SHIPSET_TRY(const auto files, files_of(folder));
      const auto there = [&](const fs::path& file) {
        return std::find(files.begin(), files.end(), file) != files.end();
      };
      for (const auto& file : files) {
        const auto kind = file.extension();
        if (kind == ".crt") {
          SHIPSET_TRY(const std::string text, read_file(file, certificate_limit));
          out.ca_text += text + "\n";
        } else if (kind == ".cert") {
          const fs::path key = fs::path(file).replace_extension(".key");
          if (!there(key)) return wrong(folder, file.filename().string() + " has no " + key.filename().string());
          if (out.client.cert_file.empty()) out.client = {file.string(), key.string()};
        } else if (kind == ".key" && !there(fs::path(file).replace_extension(".cert"))) {
          return wrong(folder, file.filename().string() + " has no certificate (.cert) beside it");
        }
      }
    }
  return out;
}

}  // namespace shipset::registry

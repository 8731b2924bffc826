// Modules of Go programs, from the build information in ELF executables of any architecture (specs §6.4). Not read:
// programs packed by UPX, and the formats of other systems (PE, Mach-O).
#include <map>

#include "buildinfo_impl.hpp"
#include "cataloguers_impl.hpp"
#include "lines_impl.hpp"
#include "shipset/attest/purl.hpp"
#include "shipset/base/text.hpp"

namespace shipset::attest {

namespace {

constexpr std::size_t max_modules = 20'000;

struct Module {
  std::string path, version;
};

/// What the module lines say; the main module first when there is one.
struct Program {
  bool has_main = false;
  std::vector<Module> modules;
  std::map<std::string, std::string, std::less<>> settings;
};

bool is_local(std::string_view path) {
  return path.starts_with('.') || path.starts_with('/');
}

Program parse_modules(std::string_view text) {
  Program out;
  while (!text.empty() && out.modules.size() < max_modules) {
    const auto end = text.find('\n');
    const auto columns = split(text.substr(0, end), '\t');
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (columns.size() < 2) continue;
    const Module module{columns[1], columns.size() > 2 ? columns[2] : std::string{}};
    if (columns[0] == "mod") {
      out.has_main = true;
      out.modules.insert(out.modules.begin(), module);
    } else if (columns[0] == "dep") {
      out.modules.push_back(module);
    } else if (columns[0] == "=>" && !out.modules.empty() && !is_local(module.path)) {
      out.modules.back() = module;  // a replacement by a directory keeps the name it replaces
    } else if (columns[0] == "build" && out.settings.size() < 200) {
      const auto equals = columns[1].find('=');
      if (equals != std::string::npos)
        out.settings.emplace(columns[1].substr(0, equals), columns[1].substr(equals + 1));
    }
  }
  return out;
}

/// Programs built outside of a tagged module say `(devel)`: the commit, as Go's own pseudo-version, says more.
std::string version_of(const Module& module, const Program& program) {
  if (!module.version.empty() && module.version != "(devel)") return module.version;
  const auto revision = program.settings.find("vcs.revision");
  const auto time = program.settings.find("vcs.time");
  if (revision == program.settings.end() || time == program.settings.end()) return "(devel)";
  std::string digits;
  for (const char c : time->second)
    if (c >= '0' && c <= '9') digits += c;
  return "v0.0.0-" + digits.substr(0, 14) + "-" + revision->second.substr(0, 12);
}

/// "go1.22.1 X:boringcrypto" → "1.22.1", "devel go1.23-4f2c1a date" → "1.23-4f2c1a".
std::string toolchain_version(std::string_view go_version) {
  if (go_version.starts_with("devel ")) go_version.remove_prefix(6);
  const auto first = go_version.substr(0, go_version.find(' '));
  return std::string(first.starts_with("go") ? first.substr(2) : go_version);
}

class GoScan final : public FileScan {
 public:
  explicit GoScan(std::string path) : path_(std::move(path)) {}
  bool feed(std::string_view piece) override { return scan_.feed(piece); }
  bool rewind() override { return scan_.rewind(); }

  FileFacts finish() override {
    FileFacts out;
    out.path = path_;
    BuildInfo info;
    if (!scan_.take(info)) return out;
    const auto program = parse_modules(info.modules);
    const auto arch = program.settings.find("GOARCH");
    std::size_t refused = 0;
    const auto add = [&](std::string name, std::string version) {
      Fact fact;
      fact.name = std::move(name);
      fact.version = std::move(version);
      if (arch != program.settings.end() && presentable(arch->second, 100)) fact.architecture = arch->second;
      if (presentable(fact.name, 500) && presentable(fact.version, 300))
        out.facts.push_back(std::move(fact));
      else
        ++refused;
    };
    for (const auto& module : program.modules) add(module.path, version_of(module, program));
    add("stdlib", toolchain_version(info.go_version));
    // One mark is enough for resolve(): the first fact is the program, all others are in it.
    if (program.has_main && out.facts.size() == program.modules.size() + 1) out.facts.front().needs.emplace_back("*");
    if (refused != 0) {
      out.complete = false;
      out.notes.push_back(printable(path_) + ": build information names modules that are no usable names");
    }
    return out;
  }

 private:
  std::string path_;
  BuildInfoScan scan_;
};

/// Case is kept although the purl type asks for lower case: module paths are case-sensitive, and vulnerability
/// databases know them as they are written.
std::string go_purl(const Fact& fact) {
  Purl purl;
  purl.type = "golang";
  purl.name = base_name(fact.name);
  purl.space = parent_path(fact.name);
  if (fact.version != "(devel)") purl.version = fact.version;
  return purl.str();
}

class GoCataloguer final : public Cataloguer {
 public:
  [[nodiscard]] std::string_view ecosystem() const override { return "golang"; }

  [[nodiscard]] std::unique_ptr<FileScan> open(const TarEntry& entry) const override {
    return std::make_unique<GoScan>(entry.path);
  }

  void resolve(std::span<const Evidence> files, const Distribution&, std::vector<Package>& packages) const override {
    for (const auto& evidence : files) {
      const auto first = packages.size();
      for (const auto& fact : evidence.file->facts) {
        auto package = package_of(ecosystem(), fact, evidence);
        package.purl = go_purl(fact);
        packages.push_back(std::move(package));
      }
      if (evidence.file->facts.empty() || evidence.file->facts.front().needs.empty()) continue;
      for (auto i = first + 1; i < packages.size(); ++i) packages[first].depends_on.push_back(packages[i].purl);
    }
  }
};

}  // namespace

const Cataloguer& go_cataloguer() {
  static const GoCataloguer cataloguer;
  return cataloguer;
}

}  // namespace shipset::attest

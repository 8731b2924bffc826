// Archives as `docker save` writes them, and such as it never would.
#pragma once

#include <cstdio>
#include <set>

#include "oci/store_fixture.hpp"
#include "shipset/oci/docker_archive.hpp"

namespace shipset::oci::test {

/// A tar put together entry by entry, without any check of names.
class ArchiveMaker {
 public:
  ArchiveMaker& entry(const std::string& path, const std::string& content, char type = '0',
                      const std::string& link = {}, std::uint64_t declared = ~std::uint64_t(0)) {
    std::string block(512, '\0');
    const auto put = [&](std::size_t at, const std::string& text) { block.replace(at, text.size(), text); };
    char number[16];
    const auto octal = [&](std::size_t at, std::uint64_t value) {
      std::snprintf(number, sizeof number, "%011llo", static_cast<unsigned long long>(value));
      put(at, number);
    };
    put(0, path);
    put(100, "0000644");
    put(108, "0000000");
    put(116, "0000000");
    octal(124, declared != ~std::uint64_t(0) ? declared : content.size());
    octal(136, 0);
    block[156] = type;
    put(157, link);
    put(257, std::string("ustar\0"
                         "00",
                         8));
    put(148, "        ");
    unsigned sum = 0;
    for (const char letter : block) sum += static_cast<unsigned char>(letter);
    std::snprintf(number, sizeof number, "%06o", sum);
    put(148, std::string(number) + '\0' + ' ');
    bytes_ += block + content;
    bytes_.append((512 - content.size() % 512) % 512, '\0');
    return *this;
  }
  ArchiveMaker& file(const std::string& path, const std::string& content) { return entry(path, content); }
  ArchiveMaker& symlink(const std::string& path, const std::string& target) { return entry(path, {}, '2', target); }
  [[nodiscard]] std::string bytes() const { return bytes_ + std::string(1024, '\0'); }

 private:
  std::string bytes_;
};

/// One image of an archive in the making.
struct SavedImage {
  std::string platform = "linux/amd64";
  std::vector<std::string> names{"app:v1"};
  std::vector<std::string> layers;  ///< plain tars
  [[nodiscard]] std::string config() const {
    ImageConfig out;
    out.platform = must(Platform::parse(platform));
    for (const auto& layer : layers) out.diff_ids.push_back(Digest::of(layer));
    return out.to_bytes();
  }
};

inline std::string json_list(const std::vector<std::string>& texts) {
  std::string out;
  for (const auto& text : texts) out += (out.empty() ? "\"" : ",\"") + text + "\"";
  return "[" + out + "]";
}

inline std::string listed(const std::string& config, const SavedImage& image, const std::vector<std::string>& layers) {
  return R"({"Config":")" + config + R"(","RepoTags":)" + json_list(image.names) + R"(,"Layers":)" + json_list(layers) +
         "}";
}

/// The form of old Dockers: a folder per layer, later images link to it; manifest.json comes last.
inline std::string saved(const std::vector<SavedImage>& images) {
  ArchiveMaker out;
  std::string list;
  int folder = 0;
  std::map<std::string, std::string> at;
  std::set<std::string> configs;
  for (const auto& image : images) {
    std::vector<std::string> paths;
    for (const auto& layer : image.layers) {
      const std::string name = "layer" + std::to_string(++folder);
      out.file(name + "/VERSION", "1.0").file(name + "/json", "{\"id\":\"x\"}");
      if (const auto old = at.find(layer); old != at.end()) {
        out.symlink(name + "/layer.tar", "../" + old->second + "/layer.tar");
      } else {
        out.file(name + "/layer.tar", layer);
        at[layer] = name;
      }
      paths.push_back(name + "/layer.tar");
    }
    const std::string config = std::string(Digest::of(image.config()).encoded()) + ".json";
    if (configs.insert(config).second) out.file(config, image.config());
    list += (list.empty() ? "" : ",") + listed(config, image, paths);
  }
  out.file("manifest.json", "[" + list + "]");
  return out.bytes();
}

inline Result<DockerArchive> read_archive(std::string bytes) {
  return DockerArchive::read(memory_source(std::move(bytes)), "test.tar");
}

}  // namespace shipset::oci::test

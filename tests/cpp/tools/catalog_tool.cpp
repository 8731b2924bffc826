// Prints the SPDX document of a platform image in an OCI layout:
//   catalog_tool LAYOUT TAG [OS/ARCH]
// For tests that hand the document to other programs. Of an index the named (or first) platform is taken.
#include <cstdio>
#include <cstdlib>

#include "shipset/attest/spdx.hpp"
#include "shipset/oci/layout.hpp"

namespace {

using namespace shipset;

Result<oci::Descriptor> find_image(oci::Store& store, std::string_view tag, std::string_view platform) {
  SHIPSET_TRY(const auto root, store.resolve(tag));
  if (!root) return Error(ErrorKind::not_found, "no tag " + std::string(tag));
  if (!oci::is_index(root->media_type)) return *root;
  SHIPSET_TRY(const auto bytes, store.manifest(root->digest));
  SHIPSET_TRY(const auto index, oci::Index::parse(bytes.bytes, "index"));
  for (const auto& entry : index.manifests) {
    if (oci::is_attestation(entry)) continue;
    if (platform.empty() || (entry.platform && entry.platform->str() == platform)) return entry;
  }
  return Error(ErrorKind::not_found, "no platform " + std::string(platform));
}

Result<std::string> document(const char* layout, const char* tag, const char* platform) {
  SHIPSET_TRY(const auto store, oci::LayoutStore::open(layout, {}));
  SHIPSET_TRY(const auto image, find_image(*store, tag, platform));
  SHIPSET_TRY(const auto catalogue, attest::catalogue_image(*store, image, CancelToken{}));
  attest::SpdxOptions options;
  options.name = std::string("test/image (") + tag + ")";
  options.repository = "registry.example.com/test/image";
  options.image = image;
  options.platform = platform[0] != '\0' ? platform : image.platform ? image.platform->str() : "";
  options.tool_version = "test";
  return attest::spdx_document(catalogue, options);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 && argc != 4) {
    std::fputs("usage: catalog_tool LAYOUT TAG [OS/ARCH]\n", stderr);
    return 2;
  }
  const auto text = document(argv[1], argv[2], argc == 4 ? argv[3] : "");
  if (!text) {
    std::fprintf(stderr, "%s\n", render(text.error()).c_str());
    return exit_code(text.error().kind);
  }
  return std::puts(text->c_str()) == EOF ? EXIT_FAILURE : EXIT_SUCCESS;
}

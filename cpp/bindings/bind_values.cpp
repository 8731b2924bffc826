// Grammar of references, digests and platforms: text in, parts out. The value types are in values.py.
#include "errors.hpp"
#include "shipset/base/text.hpp"
#include "shipset/model/platform.hpp"
#include "shipset/model/reference.hpp"

namespace shipset::bindings {

namespace {

using ReferenceParts = std::tuple<std::string, std::string, std::string, std::string, std::string>;
using PlatformParts =
    std::tuple<std::string, std::string, std::string, std::string, std::vector<std::string>, std::string, std::string>;

Result<ReferenceParts> parse_reference(std::string_view text) {
  SHIPSET_TRY(auto reference, Reference::parse(text));
  return ReferenceParts{reference.domain(), reference.path(), reference.tag(), reference.digest().str(),
                        reference.familiar()};
}

Result<PlatformParts> parse_platform(std::string_view text) {
  SHIPSET_TRY(auto platform, Platform::parse(text));
  return PlatformParts{
      platform.os,        platform.architecture,           platform.variant, platform.os_version, platform.os_features,
      platform.machine(), platform.normalized().full_str()};
}

Result<std::string> parse_digest(std::string_view text) {
  SHIPSET_TRY(auto digest, Digest::parse(text));
  return digest.str();
}

}  // namespace

void bind_values(py::module_& module) {
  module.def("parse_reference", &parse_reference, py::arg("text"), "Domain, path, tag, digest, familiar form.");
  module.def("parse_platform", &parse_platform, py::arg("text"),
             "OS, architecture, variant, OS version, OS features, machine name, normalised form.");
  module.def("parse_digest", &parse_digest, py::arg("text"), "The digest, if it is one.");
  module.def("human_bytes", &human_bytes, py::arg("size_bytes"), "1536 → 1.5 KiB.");
}

}  // namespace shipset::bindings

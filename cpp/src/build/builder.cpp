#include "shipset/build/builder.hpp"

#include "buildx_impl.hpp"
#include "native_impl.hpp"
#include "prebuilt_impl.hpp"
#include "shipset/base/text.hpp"

namespace shipset::build {

Result<std::unique_ptr<Builder>> make_builder(std::string_view backend) {
  if (backend == "native") return std::unique_ptr<Builder>(std::make_unique<native::NativeBuilder>());
  if (backend == "prebuilt") return std::unique_ptr<Builder>(std::make_unique<prebuilt::PrebuiltBuilder>());
  if (backend == "buildx") return std::unique_ptr<Builder>(std::make_unique<buildx::BuildxBuilder>());
  return Error(ErrorKind::usage, "there is no backend \"" + printable(backend, 80) + "\"",
               "the backends of a release file are native, buildx and prebuilt");
}

}  // namespace shipset::build

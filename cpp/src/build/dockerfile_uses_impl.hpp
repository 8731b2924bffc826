// Which images a target needs.
#pragma once

#include "dockerfile_impl.hpp"
#include "shipset/build/dockerfile.hpp"

namespace shipset::build::dockerfile {

/// Arguments before the first FROM, with their values for one query.
struct Globals {
  Variables values;
  std::set<std::string> of_builder;  ///< computed from the builder's platform
};

/// `target` is the name of the stage as TARGETSTAGE has it.
Result<Globals> global_values(const FileStages& file, const std::string& name, char escape,
                              const DockerfileQuery& query, const std::string& target, Budget& budget);

/// The query's target exists. Errors as Dockerfile::uses.
Result<DockerfileUses> find_uses(const FileStages& file, const std::string& name, char escape,
                                 const DockerfileQuery& query);

}  // namespace shipset::build::dockerfile

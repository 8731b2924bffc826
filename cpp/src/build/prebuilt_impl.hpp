// The prebuilt builder: takes images that something else has built. prebuilt.cpp (batches, images of stores) and
// prebuilt_archive.cpp (images of docker archives). Private.
#pragma once

#include <mutex>

#include "once_per_key_impl.hpp"
#include "shipset/build/builder.hpp"
#include "shipset/model/reference.hpp"
#include "shipset/oci/docker_archive.hpp"

namespace shipset::build::prebuilt {

using Archive = std::shared_ptr<const oci::DockerArchive>;

/// What the tasks of one batch share.
struct Batch {
  BaseResolver& bases;
  const BuildContext& context;
  std::mutex bases_mutex;
  OncePerKey<Archive> archives;
  OncePerKey<oci::Descriptor> images;  ///< of archives, unpacked
};

/// Kind spec with context missing_platform: the image is there, but for other platforms.
Error missing_platform(const Task& task, std::string why);
/// Whether an image of that config serves a task, by the rule by which indexes are validated.
bool serves(const Platform& wanted, const Platform& config);

/// The file of an archive that a task names.
std::filesystem::path archive_path(const Task& task, const Location& location);
/// Pins an image of an archive: source and bases of the task.
Result<void> prepare_archive(Task& task, const Location& location, const oci::DockerArchive& archive);
/// Unpacks it into the work store.
Result<BuiltImage> build_archive(const Task& task, const Location& location, Batch& batch);

class PrebuiltBuilder final : public Builder {
 public:
  [[nodiscard]] std::string_view name() const override { return "prebuilt"; }
  Result<void> prepare(Task& task, BaseResolver& bases, const CancelToken& cancel) override;
  void build(const std::vector<Task>& tasks, BaseResolver& bases, const BuildContext& context,
             const std::function<void(Outcome)>& done) override;

 private:
  OncePerKey<Archive> archives_;
};

}  // namespace shipset::build::prebuilt

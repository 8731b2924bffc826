#include <algorithm>

#include "buildx_impl.hpp"

namespace shipset::build::buildx {

namespace {

/// Sorts tasks into calls, one round after the other.
class Rounds {
 public:
  explicit Rounds(const std::vector<Task>& tasks) : tasks_(tasks) {
    for (std::size_t i = 0; i < tasks.size(); ++i) waiting_.insert(i);
  }

  /// By builder, in an order in which a variant comes after those that it builds on.
  Result<std::vector<Call>> run() {
    std::vector<Call> out;
    while (!waiting_.empty()) {
      auto round = next();
      if (round.empty())
        return Error(ErrorKind::spec, "cannot build variant " + tasks_[*waiting_.begin()].variant,
                     "it builds on a variant that the backend buildx does not build here",
                     "give both variants the same backend");
      out.insert(out.end(), round.begin(), round.end());
    }
    return out;
  }

 private:
  /// All that needs nothing but what is there, or what is in the same file, where bake keeps the order.
  std::vector<Call> next() {
    std::vector<Call> round;
    const std::set<std::size_t> before = waiting_;
    for (bool more = true; more;) {
      more = false;
      for (const std::size_t i : std::set<std::size_t>(waiting_)) {
        auto call = std::find_if(round.begin(), round.end(),
                                 [&](const Call& known) { return known.builder == tasks_[i].settings.builder; });
        const auto& bases = tasks_[i].settings.bases;
        const bool ready = std::all_of(bases.begin(), bases.end(), [&](const BaseImage& base) {
          return base.variant.empty() || tasks_[i].variant_places.contains(base.variant) ||
                 is_there(base.variant, before, call == round.end() ? nullptr : &*call);
        });
        if (!ready) continue;
        if (call == round.end()) call = round.insert(round.end(), {tasks_[i].settings.builder, {}});
        call->tasks.push_back(i);
        waiting_.erase(i);
        more = true;
      }
    }
    return round;
  }

  bool is_there(const std::string& variant, const std::set<std::size_t>& before, const Call* call) const {
    bool any = false;
    for (std::size_t i = 0; i < tasks_.size(); ++i) {
      if (tasks_[i].variant != variant) continue;
      any = true;
      const bool earlier = !before.contains(i);
      const bool together =
          call != nullptr && std::find(call->tasks.begin(), call->tasks.end(), i) != call->tasks.end();
      if (!earlier && !together) return false;
    }
    return any;
  }

  const std::vector<Task>& tasks_;
  std::set<std::size_t> waiting_;
};

}  // namespace

Result<std::vector<Call>> sort_calls(const std::vector<Task>& tasks) {
  return Rounds(tasks).run();
}

}  // namespace shipset::build::buildx

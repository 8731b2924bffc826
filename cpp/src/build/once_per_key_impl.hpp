// A value that several threads need is computed once. Private to the module.
#pragma once

#include <functional>
#include <future>
#include <map>
#include <mutex>
#include <string>

#include "shipset/base/result.hpp"

namespace shipset::build {

/// Computes a value once per key, however many threads ask; the others wait for the first.
template <class T>
class OncePerKey {
 public:
  Result<T> get(const std::string& key, const std::function<Result<T>()>& make) {
    std::promise<Result<T>> promise;
    std::shared_future<Result<T>> value;
    bool mine = false;
    {
      const std::lock_guard lock(mutex_);
      auto [it, added] = values_.try_emplace(key);
      if (added) it->second = promise.get_future().share();
      value = it->second;
      mine = added;
    }
    if (mine) promise.set_value(make_guarded(make));
    return value.get();
  }

 private:
  static Result<T> make_guarded(const std::function<Result<T>()>& make) {
    try {
      return make();
    } catch (const std::exception& problem) {
      return Error(ErrorKind::internal, "unexpected exception in a builder", problem.what());
    }
  }
  std::mutex mutex_;
  std::map<std::string, std::shared_future<Result<T>>> values_;
};

}  // namespace shipset::build

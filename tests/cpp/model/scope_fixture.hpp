// A scope of fixed values for tests of templates and conditions.
#pragma once

#include <map>

#include "shipset/model/value.hpp"

class MapScope final : public shipset::Scope {
 public:
  using Values = std::map<std::string, shipset::Value, std::less<>>;
  explicit MapScope(Values values) : values_(std::move(values)) {}
  [[nodiscard]] std::optional<shipset::Value> lookup(std::string_view name) const override {
    const auto found = values_.find(name);
    if (found == values_.end()) return std::nullopt;
    return found->second;
  }
  [[nodiscard]] std::vector<std::string> names() const override {
    std::vector<std::string> out;
    for (const auto& [name, value] : values_) out.push_back(name);
    return out;
  }

 private:
  Values values_;
};

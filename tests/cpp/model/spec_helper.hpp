// What the tests of release files share: a file around a few lines, and its errors as text.
#pragma once

#include <string>
#include <vector>

#include "catch_shim.hpp"
#include "shipset/model/spec.hpp"

namespace spec_test {

using namespace shipset;

/// A release file that is good; `more` is appended to it.
inline std::string file_with(const std::string& more) {
  return "[release]\nname = \"demo\"\nversion = \"v1.2.3\"\nrepositories = [\"example/demo\"]\n"
         "[build]\nplatforms = [\"linux/amd64\", \"linux/arm64\"]\n" +
         more;
}

/// Lines `line:column key: message | hint` of everything that is wrong; "" when the file is good.
inline std::string problems_of(const std::string& text) {
  const auto spec = ReleaseSpec::parse(text, "shipset.toml");
  if (spec) return {};
  std::string out;
  for (const auto& problem : spec.error().problems) {
    out += std::to_string(problem.line) + ":" + std::to_string(problem.column) + " " + problem.key + ": ";
    out += (problem.severity == Problem::Severity::warning ? "warning: " : "") + problem.message;
    out += (problem.hint.empty() ? "" : " | " + problem.hint) + "\n";
  }
  return out;
}

inline ReleaseSpec spec_of(const std::string& text) {
  auto spec = ReleaseSpec::parse(text, "shipset.toml");
  INFO((spec ? std::string() : render(spec.error())));
  REQUIRE(spec.ok());
  return *spec;
}

inline Facts facts() {
  Facts out;
  out.git = {{"sha", "0123456789abcdef0123456789abcdef01234567"},
             {"branch", "main"},
             {"default_branch", "main"},
             {"ref_type", "branch"},
             {"commit_count", "4321"}};
  out.event_name = "push";
  out.date_unix_s = 1767960000;  // 2026-01-09T12:00:00Z
  return out;
}

inline Matrix matrix_of(const std::string& text, const InputValues& inputs = {}) {
  auto matrix = spec_of(text).matrix(inputs, facts());
  INFO((matrix ? std::string() : render(matrix.error())));
  REQUIRE(matrix.ok());
  return std::move(*matrix);
}

/// The error of matrix(), as rendered text.
inline std::string matrix_error(const std::string& text, const InputValues& inputs = {}) {
  const auto matrix = spec_of(text).matrix(inputs, facts());
  return matrix ? std::string() : render(matrix.error());
}

inline std::vector<std::string> tags_of(const Variant& variant) {
  std::vector<std::string> out;
  for (const auto& tag : variant.tags) out.push_back(tag.tag);
  return out;
}

inline bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace spec_test

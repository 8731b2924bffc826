#include "shipset/base/error.hpp"

#include <cstdio>
#include <cstdlib>

#include "shipset/base/result.hpp"

namespace shipset {

namespace {
struct KindRow {
  ErrorKind kind;
  std::string_view name;
  int code;
};
constexpr KindRow kinds[] = {
    {ErrorKind::internal, "internal", 1},
    {ErrorKind::usage, "usage", 2},
    {ErrorKind::spec, "spec", 2},
    {ErrorKind::build, "build", 3},
    {ErrorKind::io, "io", 3},
    {ErrorKind::policy, "policy", 4},
    {ErrorKind::gate, "gate", 4},
    {ErrorKind::tag_conflict, "tag_conflict", 4},
    {ErrorKind::tag_moved, "tag_moved", 4},
    {ErrorKind::auth, "auth", 5},
    {ErrorKind::registry, "registry", 5},
    {ErrorKind::not_found, "not_found", 5},
    {ErrorKind::network, "network", 6},
    {ErrorKind::verify, "verify", 7},
    {ErrorKind::incomplete, "incomplete", 8},
    {ErrorKind::cancelled, "cancelled", 130},
};
}  // namespace

std::string_view to_string(ErrorKind kind) noexcept {
  for (const auto& row : kinds)
    if (row.kind == kind) return row.name;
  return "internal";
}

int exit_code(ErrorKind kind) noexcept {
  for (const auto& row : kinds)
    if (row.kind == kind) return row.code;
  return 1;
}

void die_of_unchecked(const Error& error) {
  std::fprintf(stderr, "shipset: a value was taken from a failed result: %s\n", render(error).c_str());
  std::abort();
}

std::string render(const Problem& problem) {
  std::string out = problem.file;
  if (problem.line > 0) {
    out += ":" + std::to_string(problem.line);
    if (problem.column > 0) out += ":" + std::to_string(problem.column);
  }
  if (!out.empty()) out += ": ";
  out += problem.severity == Problem::Severity::error ? "error: " : "warning: ";
  out += problem.message;
  if (!problem.hint.empty()) out += "\n  hint: " + problem.hint;
  return out;
}

std::string render(const Error& error) {
  std::string out;
  for (const auto& problem : error.problems) out += render(problem) + "\n";
  out += error.what;
  if (!error.why.empty()) out += "\n" + error.why;
  if (!error.hint.empty()) out += "\nhint: " + error.hint;
  return out;
}

}  // namespace shipset

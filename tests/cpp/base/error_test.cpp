#include "shipset/base/error.hpp"

#include "catch_shim.hpp"

using namespace shipset;

TEST_CASE("exit codes, every kind, as the product page says") {
  CHECK(exit_code(ErrorKind::internal) == 1);
  CHECK(exit_code(ErrorKind::usage) == 2);
  CHECK(exit_code(ErrorKind::spec) == 2);
  CHECK(exit_code(ErrorKind::build) == 3);
  CHECK(exit_code(ErrorKind::io) == 3);
  for (auto kind : {ErrorKind::policy, ErrorKind::gate, ErrorKind::tag_conflict, ErrorKind::tag_moved})
    CHECK(exit_code(kind) == 4);
  for (auto kind : {ErrorKind::auth, ErrorKind::registry, ErrorKind::not_found}) CHECK(exit_code(kind) == 5);
  CHECK(exit_code(ErrorKind::network) == 6);
  CHECK(exit_code(ErrorKind::verify) == 7);
  CHECK(exit_code(ErrorKind::incomplete) == 8);
  CHECK(exit_code(ErrorKind::cancelled) == 130);
}

TEST_CASE("problem, with place and hint, renders as compilers do") {
  Problem problem{Problem::Severity::error, "shipset.toml", 3, 7, "release.nmae", "unknown key", "did you mean name?"};
  CHECK(render(problem) == "shipset.toml:3:7: error: unknown key\n  hint: did you mean name?");
  problem.line = 0;
  problem.severity = Problem::Severity::warning;
  problem.hint.clear();
  CHECK(render(problem) == "shipset.toml: warning: unknown key");
}

TEST_CASE("error, with why and hint, renders one line each") {
  const auto error = Error(ErrorKind::io, "cannot write x", "disk full", "free space").with("path", "x");
  CHECK(render(error) == "cannot write x\ndisk full\nhint: free space");
  CHECK(error.context.at("path") == "x");
}

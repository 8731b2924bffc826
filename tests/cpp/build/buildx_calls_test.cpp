#include "buildx_impl.hpp"
#include "catch_shim.hpp"

using namespace shipset;
using namespace shipset::build;
using namespace shipset::build::buildx;

namespace {

Task task(const std::string& variant, const std::string& builder, const std::string& below = {}) {
  Task out;
  out.variant = variant;
  out.platform = Platform::parse("linux/amd64").value();
  out.settings.builder.name = builder;
  if (!below.empty()) out.settings.bases.push_back({"BELOW", "", below});
  return out;
}

/// "builder: variants", one line a call.
std::vector<std::string> calls_of(const std::vector<Task>& tasks) {
  const auto calls = sort_calls(tasks);
  INFO((calls.ok() ? std::string() : render(calls.error())));
  REQUIRE(calls.ok());
  std::vector<std::string> out;
  for (const auto& call : *calls) {
    std::string line = call.builder.name + ":";
    for (const std::size_t i : call.tasks) line += " " + tasks[i].variant;
    out.push_back(line);
  }
  return out;
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("calls of buildx, variants of one builder, are one call whatever stands on what") {
  CHECK(calls_of({task("c", "one", "b"), task("b", "one", "a"), task("a", "one")}) == Lines{"one: a b c"});
}

TEST_CASE("calls of buildx, variants of two builders, are one call each") {
  CHECK(calls_of({task("a", "one"), task("b", "two"), task("c", "one")}) == Lines{"one: a c", "two: b"});
}

TEST_CASE("calls of buildx, variant on one of another builder, comes in a later call") {
  CHECK(calls_of({task("c", "one", "b"), task("b", "two", "a"), task("a", "one"), task("d", "two")}) ==
        Lines{"one: a", "two: d", "two: b", "one: c"});
}

TEST_CASE("calls of buildx, variant whose platforms have other builders, is waited for as a whole") {
  auto arm = task("a", "two");
  arm.platform = Platform::parse("linux/arm64").value();
  CHECK(calls_of({task("a", "one"), arm, task("b", "one", "a")}) == Lines{"one: a", "two: a", "one: b"});
}

TEST_CASE("calls of buildx, variant that lies somewhere already, is waited for by nobody") {
  auto child = task("b", "two", "a");
  child.variant_places["a"] = "oci-layout:///dist@sha256:" + std::string(64, '1');
  CHECK(calls_of({child}) == Lines{"two: b"});
}

TEST_CASE("calls of buildx, variant that nobody builds here, is an error that names who needs it") {
  const auto calls = sort_calls({task("b", "one", "a")});
  REQUIRE_FALSE(calls.ok());
  CHECK(calls.error().kind == ErrorKind::spec);
  CHECK(calls.error().what.find("variant b") != std::string::npos);
}

TEST_CASE("nodes of a builder, as inspect prints them, are counted behind the line Nodes") {
  const std::string head = "Name:          two\nDriver:        remote\n\nNodes:\n";
  const std::string node = "Name:     first\nEndpoint: unix:///run/first\n\n";
  CHECK(count_nodes(head + node) == 1);
  CHECK(count_nodes(head + node + node) == 2);
  CHECK(count_nodes("") == 1);
  CHECK(count_nodes("ERROR: no builder \"x\" found\n") == 1);
}

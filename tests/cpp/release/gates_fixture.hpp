// What the tests of gates share: releases with gates, results posted to them, and what they leave.
#pragma once

#include "release_fixture.hpp"
#include "shipset/release/gate.hpp"

namespace shipset::release {

inline const std::string external_gate = "[[gate]]\nname = \"gpu\"\nat = \"external\"\n";

/// A gate in front of the variants, where two_variants has its end.
inline std::string with(const std::string& gates) {
  return two_variants + gates;
}

inline std::string staged_gate(const std::string& script, const std::string& more = {}) {
  return "[[gate]]\nname = \"look\"\nat = \"staged\"\nrun = [\"sh\", \"-c\", '''" + script + "''']\n" + more;
}

inline Outcome promote(const Workspace& space, const std::string& id) {
  Options options;
  options.id = id;
  auto made = space.plan({}, options);
  REQUIRE(made.ok());
  return execute(*made, Goal::promote);
}

inline Result<GatePost> post(const Workspace& space, const std::string& id, const std::string& result,
                             const std::string& gate = "gpu") {
  auto said = parse_gate_result(result, "result.json");
  if (!said) return said.error();
  auto place = GatePlace::of_matrix(space.matrix(), space.layout(), id);
  REQUIRE(place.ok());
  return post_gate(*place, gate, *said, {});
}

inline const GateReport& gate_of(const Outcome& outcome, const std::string& name) {
  for (const auto& gate : outcome.report.gates)
    if (gate.name == name) return gate;
  FAIL("no gate " << name);
  return outcome.report.gates.front();
}

inline std::string log_of(const Workspace& space, const GateReport& gate) {
  REQUIRE_FALSE(gate.log.empty());
  return read_file(space.path(gate.log), 64u << 20).value();
}

}  // namespace shipset::release

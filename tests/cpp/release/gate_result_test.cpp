#include "gates_fixture.hpp"
#include "shipset/base/parallel.hpp"
#include "shipset/base/text.hpp"

using namespace shipset;
using namespace shipset::release;

TEST_CASE("external gate, open, ends the release after staging with the lines that go on") {
  const Workspace space(with(external_gate));
  const auto outcome = space.release({{"version", "v2.0.0"}});
  REQUIRE(outcome.error);
  CHECK(exit_code(outcome.error->kind) == 4);
  CHECK(outcome.error->what == "the gate \"gpu\" is open: its result comes from outside");
  CHECK(has(outcome.error->hint, "shipset gate " + outcome.report.id + " gpu --result FILE --file "));
  CHECK(has(outcome.error->hint, "\nshipset promote " + outcome.report.id + " --file "));
  CHECK(has(outcome.error->hint, " --to " + space.layout() + " --input version=v2.0.0"));
  CHECK(outcome.report.outcome == "staged");
  CHECK(public_tags(space).empty());
  CHECK(space.tags().count("_shipset." + outcome.report.id + ".leg.cuda.linux-arm64") == 1);
  CHECK(gate_of(outcome, "gpu").status == Status::not_started);
  CHECK(gate_of(outcome, "gpu").judged.size() == 4);
}

TEST_CASE("external gate, failed and then passed, stops the promotion and then lets it go on") {
  const Workspace space(with(external_gate));
  const std::string id = space.release().report.id;
  const auto failed =
      post(space, id, R"({"result": "fail", "details": "no kernel image\nfor sm_90", "duration_s": 2.5})");
  REQUIRE(failed.ok());
  CHECK(failed->judged.size() == 4);
  CHECK(failed->notes.empty());
  const auto refused = promote(space, id);
  REQUIRE(refused.error);
  CHECK(exit_code(refused.error->kind) == 4);
  CHECK(refused.error->what == "the gate \"gpu\" said no");
  CHECK(refused.error->why == "no kernel image\nfor sm_90");
  CHECK(refused.report.outcome == "failed");
  CHECK(gate_of(refused, "gpu").status == Status::failed);
  CHECK(gate_of(refused, "gpu").duration_ms == 2500);
  CHECK(public_tags(space).empty());

  const auto passed = post(space, id, R"({"result": "pass", "details": {"kernels": 17}})");
  REQUIRE(passed.ok());
  REQUIRE(passed->notes.size() == 1);
  CHECK(has(passed->notes[0], "it replaces the result fail of 20"));
  const auto outcome = promote(space, id);
  INFO((outcome.error ? render(*outcome.error) : std::string()));
  REQUIRE_FALSE(outcome.error);
  CHECK(gate_of(outcome, "gpu").status == Status::done);
  CHECK(has(gate_of(outcome, "gpu").detail, "\"kernels\": 17"));
  CHECK(gate_of(outcome, "gpu").result == passed->reference);
  CHECK(space.tags().size() == 4);  // neither legs nor results are left
}

TEST_CASE("external gate, result before anyone waits for it, is used right away") {
  const Workspace space(with(external_gate));
  auto plan = space.plan();
  REQUIRE(plan.ok());
  REQUIRE_FALSE(execute(*plan, Goal::stage).error);
  REQUIRE(post(space, plan->id, R"({"result": "pass"})").ok());
  const auto outcome = space.release();
  INFO((outcome.error ? render(*outcome.error) : std::string()));
  REQUIRE_FALSE(outcome.error);
  CHECK(outcome.report.outcome == "released");
  CHECK(public_tags(space).size() == 4);
}

TEST_CASE("external gate, result for other bytes, does not count and is named") {
  const Workspace space(with(external_gate));
  Options options;
  options.id = "one";
  auto first = space.plan({}, options);
  REQUIRE(first.ok());
  REQUIRE(execute(*first, Goal::stage).report.outcome == "staged");
  REQUIRE(post(space, "one", R"({"result": "pass"})").ok());
  space.write("files/cuda/run", "other bytes\n");
  const auto outcome = space.release({}, options);
  REQUIRE(outcome.error);
  CHECK(outcome.error->kind == ErrorKind::gate);
  CHECK(has(outcome.error->why, "does not count: it judged other bytes of cuda linux/amd64 (it judged sha256:"));
  CHECK_FALSE(has(outcome.error->why, "cpu linux"));
  CHECK(public_tags(space).empty());
}

TEST_CASE("external gate, result of a part only, does not count for the rest") {
  const Workspace space(with(external_gate));
  Options part;
  part.id = "one";
  part.only = {"cuda"};
  auto plan = space.plan({}, part);
  REQUIRE(plan.ok());
  REQUIRE_FALSE(execute(*plan, Goal::stage).error);
  REQUIRE(post(space, "one", R"({"result": "pass"})").ok());
  part.only = {"cpu"};
  plan = space.plan({}, part);
  REQUIRE_FALSE(execute(*plan, Goal::stage).error);
  const auto outcome = promote(space, "one");
  REQUIRE(outcome.error);
  CHECK(has(outcome.error->why, "it did not judge cpu linux/amd64, cpu linux/arm64"));
}

TEST_CASE("external gate, of one variant or not required, holds nothing else back") {
  const Workspace space(with(external_gate +
                             "required = false\n[[gate]]\nname = \"big\"\nat = \"external\"\nvariants = "
                             "[\"cuda\"]\nrequired = false\n"));
  const auto outcome = space.release();
  REQUIRE_FALSE(outcome.error);
  CHECK(outcome.report.outcome == "released");
  CHECK(gate_of(outcome, "gpu").status == Status::not_started);
  CHECK(gate_of(outcome, "big").judged.size() == 2);
  CHECK(has(join(outcome.report.warnings, "\n"), "the gate \"gpu\" is open (not required)"));
  CHECK(space.tags().size() == 4);
}

TEST_CASE("external gate, posted from the staging alone, knows names and ids of what is staged") {
  const Workspace space(with(external_gate + "variants = [\"cuda\"]\n"));
  const std::string id = space.release().report.id;
  const auto place = GatePlace::of_staging(space.layout(), id);
  REQUIRE(place.ok());
  const auto pass = parse_gate_result(R"({"result": "pass"})", "r").value();
  const auto posted = post_gate(*place, "gpu", pass, {});
  REQUIRE(posted.ok());
  REQUIRE(posted->judged.size() == 2);
  CHECK(posted->judged[0].variant == "cuda");
  const auto unknown = post_gate(*place, "gpu2", pass, {});
  REQUIRE_FALSE(unknown.ok());
  CHECK(unknown.error().kind == ErrorKind::usage);
  CHECK(unknown.error().hint == "did you mean \"gpu\"?");
  const auto other = post_gate(*GatePlace::of_staging(space.layout(), id + "0"), "gpu", pass, {});
  REQUIRE_FALSE(other.ok());
  CHECK(other.error().kind == ErrorKind::policy);
  CHECK(other.error().hint == "did you mean " + id + "?");
  CHECK_FALSE(post_gate(*GatePlace::of_staging("oci:" + space.path("nowhere").string(), id), "gpu", pass, {}).ok());
  CHECK_FALSE(post_gate(*GatePlace::of_staging(space.layout(), "../x"), "gpu", pass, {}).ok());
  CHECK_FALSE(fs::exists(space.path("nowhere")));
  CHECK_FALSE(GatePlace::of_staging("docker-archive:x.tar", id).ok());
}

TEST_CASE("external gate, of a frozen plan, takes its result without release file and sources") {
  const Workspace space(with(external_gate));
  auto plan = space.plan();
  REQUIRE(plan.ok());
  REQUIRE(execute(*plan, Goal::release).error);
  const auto place = GatePlace::of_plan(plan->to_json());
  REQUIRE(place.ok());
  CHECK(post_gate(*place, "gpu", parse_gate_result(R"({"result": "pass"})", "r").value(), {}).ok());
  CHECK_FALSE(promote(space, plan->id).error);
  CHECK_FALSE(GatePlace::of_plan("{}").ok());
  CHECK_FALSE(GatePlace::of_plan("[").ok());
}

TEST_CASE("external gate, unknown name or one of another kind, is refused with what there is") {
  const Workspace space(with(external_gate + staged_gate("true")));
  const std::string id = space.release().report.id;
  const auto unknown = post(space, id, R"({"result": "pass"})", "gpus");
  REQUIRE_FALSE(unknown.ok());
  CHECK(unknown.error().hint == "did you mean \"gpu\"?");
  const auto inner = post(space, id, R"({"result": "pass"})", "look");
  REQUIRE_FALSE(inner.ok());
  CHECK(has(inner.error().why, "the release runs it itself"));
}

TEST_CASE("external gate, what lies under its tag is no result of it, leaves it open") {
  const Workspace space(with(external_gate + "[[gate]]\nname = \"other\"\nat = \"external\"\nrequired = false\n"));
  const std::string id = space.release().report.id;
  auto other = post(space, id, R"({"result": "pass"})", "other");
  REQUIRE(other.ok());
  const auto put_under_tag = [&](const std::string& from) {
    const auto store = open_layout(space, "dist", true);
    const auto found = store->resolve(from)->value();
    const auto bytes = store->manifest(found.digest).value();
    REQUIRE(store->put_tag("_shipset." + id + ".gate.gpu", bytes.descriptor, bytes.bytes).ok());
  };
  put_under_tag("_shipset." + id + ".gate.other");
  auto outcome = promote(space, id);
  REQUIRE(outcome.error);
  CHECK(has(outcome.error->why, "it belongs to the gate \"other\""));
  put_under_tag("_shipset." + id + ".leg.cuda.linux-arm64");
  outcome = promote(space, id);
  REQUIRE(outcome.error);
  CHECK(has(outcome.error->why, "it is no result of a gate"));
  CHECK(public_tags(space).empty());
}

TEST_CASE("external gate, posts at the same time, leave one whole result") {
  const Workspace space(with(external_gate));
  const std::string id = space.release().report.id;
  REQUIRE(parallel_for(8, 8, {}, [&](std::size_t i) -> Result<void> {
            const auto said =
                parse_gate_result(R"({"result": "pass", "details": "job )" + std::to_string(i) + "\"}", "r");
            SHIPSET_CHECK(post_gate(*GatePlace::of_staging(space.layout(), id), "gpu", *said, {}));
            return {};
          }).ok());
  const auto outcome = promote(space, id);
  INFO((outcome.error ? render(*outcome.error) : std::string()));
  REQUIRE_FALSE(outcome.error);
  CHECK(gate_of(outcome, "gpu").detail.starts_with("job "));
}

TEST_CASE("gate result, wrong or hostile, is refused and says why") {
  const auto why = [](const std::string& text) {
    const auto parsed = parse_gate_result(text, "result.json");
    REQUIRE_FALSE(parsed.ok());
    CHECK(parsed.error().kind == ErrorKind::usage);
    CHECK(parsed.error().what == "result.json is no result of a gate");
    return parsed.error().why + " | " + parsed.error().hint;
  };
  CHECK(has(why("[]"), "it is no JSON object"));
  CHECK(has(why("{}"), "it has no result"));
  CHECK(has(why(R"({"result": "maybe"})"), "its result is \"maybe\", neither"));
  CHECK(has(why(R"({"result": true})"), "its result is true, neither"));
  CHECK(has(why(R"({"result": "pass", "detials": 1})"), "unknown member \"detials\" | did you mean \"details\"?"));
  CHECK(has(why(R"({"result": "pass", "duration_s": -1})"), "duration_s"));
  CHECK(has(why(R"({"result": "pass", "duration_s": 1e300})"), "duration_s"));
  CHECK(has(why(R"({"result": "pass", "duration_s": "12"})"), "duration_s"));
  CHECK_FALSE(why("").empty());
  CHECK_FALSE(why("pass").empty());
  CHECK_FALSE(why(R"({"result": "fail", "result": "pass"})").empty());
  CHECK_FALSE(
      why(R"({"result": "pass", "details": )" + std::string(100'000, '[') + std::string(100'000, ']') + "}").empty());
  CHECK_FALSE(why(R"({"result": "pass", "details": ")" + std::string(300u << 10, 'x') + "\"}").empty());
  CHECK_FALSE(why("{\"result\": \"pass\", \"details\": \"\xff\"}").empty());
  CHECK_FALSE(why(std::string("{\"result\": \"pass\"}\0", 19)).empty());
}

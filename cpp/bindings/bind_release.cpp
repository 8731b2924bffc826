// Plan and execution.
#include "pump.hpp"
#include "shipset/base/json.hpp"
#include "shipset/release/cleaning.hpp"
#include "shipset/release/gate.hpp"
#include "shipset/release/next_version.hpp"
#include "shipset/release/plan.hpp"
#include "shipset/release/recovery.hpp"
#include "shipset/release/release.hpp"

namespace shipset::bindings {

namespace {

using release::Plan;
using Strings = std::vector<std::string>;
using OptionalToken = std::optional<CancelToken>;
using Seconds = std::optional<double>;

Result<Plan> make_plan(std::shared_ptr<Matrix> matrix, const std::string& destination, const std::string& backend,
                       const std::string& builder, const Strings& only, const Strings& replace_tags,
                       const Strings& force_tags, const std::string& from_version, const std::string& id,
                       const Strings& results, std::size_t parallel, bool mirror_journal, bool stage_tags,
                       const registry::ClientOptions& client, py::object on_event, OptionalToken cancel,
                       Seconds timeout_s) {
  release::Options options{destination, backend,  only,   replace_tags, force_tags,     builder,   id,
                           results,     parallel, client, from_version, mirror_journal, stage_tags};
  return run<Plan>({std::move(on_event), std::move(cancel), timeout_s},
                   [&](const EventSink& events, const CancelToken& token) {
                     return release::make_plan(*matrix, options, events, token);
                   });
}

Result<Plan> thaw_plan(const std::string& json, const std::string& file, const Strings& only, const std::string& id,
                       const std::string& builder, const Strings& results, const registry::ClientOptions& client,
                       py::object on_event, OptionalToken cancel, Seconds timeout_s) {
  const release::ThawOptions options{file, only, id, builder, results, client, {}};
  return run<Plan>({std::move(on_event), std::move(cancel), timeout_s},
                   [&](const EventSink& events, const CancelToken& token) {
                     return release::thaw_plan(json, options, events, token);
                   });
}

/// Report, failure of the release, and what stopped it from outside: the report counts also after a stop.
using Executed = std::tuple<std::string, py::object, py::object>;

Executed executed(const Caller& caller,
                  const std::function<release::Outcome(const EventSink&, const CancelToken&)>& work) {
  auto pumped = pump<release::Outcome>(caller, [&](const EventSink& events, const CancelToken& token) {
    return Result<release::Outcome>(work(events, token));
  });
  if (!pumped.result) raise(pumped.result.error());
  auto& error = pumped.result->error;
  if (pumped.deadline && error && error->kind == ErrorKind::cancelled) error = deadline_error(*caller.timeout_s);
  const py::object failure = error ? make_exception(*error) : py::none();
  py::object stop = pumped.exception ? pumped.exception : py::none();
  return {pumped.result->report.to_json(), failure, stop};
}

Executed execute(const Plan& plan, const std::string& goal_name,
                 const std::vector<std::pair<std::string, std::string>>& parts, py::object on_event,
                 OptionalToken cancel, Seconds timeout_s) {
  const auto goal = goal_name == "stage"     ? release::Goal::stage
                    : goal_name == "promote" ? release::Goal::promote
                                             : release::Goal::release;
  return executed({std::move(on_event), std::move(cancel), timeout_s},
                  [&](const EventSink& events, const CancelToken& token) {
                    return release::execute(plan, goal, events, token, parts);
                  });
}

Result<std::optional<Location>> place(const std::string& text) {
  if (text.empty()) return std::optional<Location>();
  SHIPSET_TRY(auto location, Location::parse(text));
  return std::optional<Location>(std::move(location));
}

using Recover = release::Outcome (*)(const release::RecoveryOptions&, const EventSink&, const CancelToken&);

template <Recover recover>
Executed recovered(const std::filesystem::path& directory, const std::string& id, const std::string& staging,
                   const registry::ClientOptions& client, py::object on_event, OptionalToken cancel,
                   Seconds timeout_s) {
  auto at = place(staging);
  if (!at) raise(at.error());
  const release::RecoveryOptions options{directory, id, client, std::move(*at)};
  return executed({std::move(on_event), std::move(cancel), timeout_s},
                  [&](const EventSink& events, const CancelToken& token) { return recover(options, events, token); });
}

Result<std::string> status(const std::filesystem::path& directory, const std::string& id, bool look,
                           const std::string& staging, const registry::ClientOptions& client, OptionalToken cancel,
                           Seconds timeout_s) {
  SHIPSET_TRY(auto at, place(staging));
  const release::RecoveryOptions options{directory, id, client, std::move(at)};
  return run<std::string>({py::none(), std::move(cancel), timeout_s}, [&](const EventSink&, const CancelToken& token) {
    return release::status_json(options, look, token);
  });
}

Result<std::string> clean(const std::filesystem::path& directory, const std::string& id, const std::string& staging,
                          bool remove, const registry::ClientOptions& client, py::object on_event, OptionalToken cancel,
                          Seconds timeout_s) {
  SHIPSET_TRY(auto at, place(staging));
  const release::CleanOptions options{directory, id, std::move(at), remove, client};
  return run<std::string>({std::move(on_event), std::move(cancel), timeout_s},
                          [&](const EventSink& events, const CancelToken& token) -> Result<std::string> {
                            SHIPSET_TRY(const auto report, release::clean(options, events, token));
                            return report.to_json();
                          });
}

Result<Strings> keep_list(const std::string& location, const registry::ClientOptions& client, OptionalToken cancel,
                          Seconds timeout_s) {
  SHIPSET_TRY(const auto at, Location::parse(location));
  return run<Strings>({py::none(), std::move(cancel), timeout_s}, [&](const EventSink&, const CancelToken& token) {
    return release::keep_list(at, client, token);
  });
}

Result<Strings> existing_versions(std::shared_ptr<Matrix> matrix, const std::string& destination,
                                  const registry::ClientOptions& client, py::object on_event, OptionalToken cancel,
                                  Seconds timeout_s) {
  return run<Strings>({std::move(on_event), std::move(cancel), timeout_s},
                      [&](const EventSink& events, const CancelToken& token) {
                        return release::existing_versions(*matrix, destination, client, events, token);
                      });
}

Result<std::string> next_version(const ReleaseSpec& spec, const std::map<std::string, std::string>& inputs,
                                 const Facts& facts, const std::string& step, bool git, bool in_registry,
                                 const std::string& destination, const registry::ClientOptions& client,
                                 py::object on_event, OptionalToken cancel, Seconds timeout_s) {
  release::NextVersionOptions options{VersionStep::minor, git, in_registry, destination, client};
  SHIPSET_TRY(options.step, parse_version_step(step));
  return run<std::string>({std::move(on_event), std::move(cancel), timeout_s},
                          [&](const EventSink& events, const CancelToken& token) -> Result<std::string> {
                            SHIPSET_TRY(const auto next,
                                        release::next_version(spec, inputs, facts, options, events, token));
                            JsonWriter out;
                            out.begin_object().member("schema_version", 1).member("version", next.version);
                            out.member("highest", next.highest).member("step", to_string(options.step));
                            out.member("scheme", to_string(spec.scheme())).end_object();
                            return out.take();
                          });
}

/// The place is that of the matrix, of the plan's JSON, or the repository `staging`: the first that is given.
Result<std::string> post_gate(const std::string& id, const std::string& gate, const std::string& result,
                              const std::string& name, const std::optional<std::shared_ptr<Matrix>>& matrix,
                              const std::string& plan, const std::string& staging, const std::string& destination,
                              const registry::ClientOptions& client, py::object on_event, OptionalToken cancel,
                              Seconds timeout_s) {
  return run<std::string>({std::move(on_event), std::move(cancel), timeout_s},
                          [&](const EventSink& events, const CancelToken& token) -> Result<std::string> {
                            SHIPSET_TRY(const auto said, release::parse_gate_result(result, name));
                            SHIPSET_TRY(auto place, matrix ? release::GatePlace::of_matrix(**matrix, destination, id)
                                                    : plan.empty() ? release::GatePlace::of_staging(staging, id)
                                                                   : release::GatePlace::of_plan(plan));
                            if (!id.empty()) place.id = id;
                            SHIPSET_TRY(const auto posted,
                                        release::post_gate(place, gate, said, client, events, token));
                            return posted.to_json();
                          });
}

}  // namespace

void bind_release(py::module_& module) {
  py::class_<Plan, std::shared_ptr<Plan>>(module, "Plan", "Everything that a release will do.")
      .def_property_readonly("id", [](const Plan& plan) { return plan.id; })
      .def_property_readonly("nothing_to_do", &Plan::nothing_to_do)
      .def("to_json", &Plan::to_json, py::kw_only(), py::arg("indented"), py::call_guard<py::gil_scoped_release>())
      .def("bake", &Plan::bake, py::call_guard<py::gil_scoped_release>(), "The images to be built, as a bake file.")
      .def("github_matrix", &Plan::github_matrix, py::kw_only(), py::arg("by_variant"), py::arg("level"),
           py::call_guard<py::gil_scoped_release>(), "Matrix of the jobs, as JSON on one line.")
      .def_property_readonly("levels", &Plan::levels)
      .def("execute", &execute, py::kw_only(), py::arg("goal"),
           py::arg("parts") = std::vector<std::pair<std::string, std::string>>(), py::arg("on_event") = py::none(),
           py::arg("cancel") = py::none(), py::arg("timeout_s") = py::none(),
           "Report as JSON, exception of a failed release or None, exception that stopped it or None.");
  module.def("resume", &recovered<&release::resume>, py::arg("directory"), py::kw_only(), py::arg("id"),
             py::arg("staging"), py::arg("client"), py::arg("on_event") = py::none(), py::arg("cancel") = py::none(),
             py::arg("timeout_s") = py::none(), "Goes on with a release; as Plan.execute.");
  module.def("rollback", &recovered<&release::rollback>, py::arg("directory"), py::kw_only(), py::arg("id"),
             py::arg("staging"), py::arg("client"), py::arg("on_event") = py::none(), py::arg("cancel") = py::none(),
             py::arg("timeout_s") = py::none(), "Puts back what a release moved; as Plan.execute.");
  module.def("status", &status, py::arg("directory"), py::kw_only(), py::arg("id"), py::arg("look"), py::arg("staging"),
             py::arg("client"), py::arg("cancel") = py::none(), py::arg("timeout_s") = py::none(),
             "Where releases stand, as JSON.");
  module.def("clean", &clean, py::arg("directory"), py::kw_only(), py::arg("id"), py::arg("staging"), py::arg("remove"),
             py::arg("client"), py::arg("on_event") = py::none(), py::arg("cancel") = py::none(),
             py::arg("timeout_s") = py::none(), "What releases left behind, as JSON; removes it when asked.");
  module.def("keep_list", &keep_list, py::arg("location"), py::kw_only(), py::arg("client"),
             py::arg("cancel") = py::none(), py::arg("timeout_s") = py::none(),
             "Every digest that a tag of the repository needs.");
  module.def("make_plan", &make_plan, py::arg("matrix"), py::kw_only(), py::arg("destination"), py::arg("backend"),
             py::arg("builder"), py::arg("only"), py::arg("replace_tags"), py::arg("force_tags"),
             py::arg("from_version"), py::arg("id"), py::arg("results"), py::arg("parallel"), py::arg("mirror_journal"),
             py::arg("stage_tags"), py::arg("client"), py::arg("on_event") = py::none(), py::arg("cancel") = py::none(),
             py::arg("timeout_s") = py::none());
  module.def("post_gate", &post_gate, py::kw_only(), py::arg("id"), py::arg("gate"), py::arg("result"), py::arg("name"),
             py::arg("matrix"), py::arg("plan"), py::arg("staging"), py::arg("destination"), py::arg("client"),
             py::arg("on_event") = py::none(), py::arg("cancel") = py::none(), py::arg("timeout_s") = py::none(),
             "Posts the result of an external gate; what was posted, as JSON.");
  module.def("existing_versions", &existing_versions, py::arg("matrix"), py::kw_only(), py::arg("destination"),
             py::arg("client"), py::arg("on_event") = py::none(), py::arg("cancel") = py::none(),
             py::arg("timeout_s") = py::none(), "Versions that the release's variants have at its destinations.");
  module.def("next_version", &next_version, py::arg("spec"), py::arg("inputs"), py::arg("facts"), py::kw_only(),
             py::arg("step"), py::arg("git"), py::arg("in_registry"), py::arg("destination"), py::arg("client"),
             py::arg("on_event") = py::none(), py::arg("cancel") = py::none(), py::arg("timeout_s") = py::none(),
             "The next version and what it comes after, as JSON.");
  module.def("thaw_plan", &thaw_plan, py::arg("json"), py::kw_only(), py::arg("file"), py::arg("only"), py::arg("id"),
             py::arg("builder"), py::arg("results"), py::arg("client"), py::arg("on_event") = py::none(),
             py::arg("cancel") = py::none(), py::arg("timeout_s") = py::none());
}

}  // namespace shipset::bindings

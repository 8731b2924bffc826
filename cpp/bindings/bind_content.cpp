// Copy, inspect and verify of any reference or layout.
#include "pump.hpp"
#include "shipset/base/json.hpp"
#include "shipset/base/text.hpp"
#include "shipset/release/compare.hpp"
#include "shipset/release/content.hpp"
#include "shipset/release/set.hpp"

namespace shipset::bindings {

namespace {

using OptionalToken = std::optional<CancelToken>;
using Seconds = std::optional<double>;

std::string copy_json(const release::CopyReport& report) {
  const auto& transfer = report.transfer;
  JsonWriter out;
  out.begin_object().member("blobs_moved", transfer.blobs_moved).member("blobs_present", transfer.blobs_present);
  out.member("blobs_mounted", transfer.blobs_mounted).member("bytes_moved", transfer.bytes_moved);
  out.member("bytes_again", transfer.bytes_again).member("bytes_kept", transfer.bytes_kept);
  out.member("manifests_pushed", transfer.manifests_pushed).member("manifests_present", transfer.manifests_present);
  const auto list = [&](std::string_view name, const std::vector<std::string>& tags) {
    out.key(name).begin_array();
    for (const auto& tag : tags) out.value(tag);
    out.end_array();
  };
  list("tags_set", report.tags_set);
  list("tags_kept", report.tags_kept);
  out.end_object();
  return out.take();
}

Result<std::string> copy(const std::string& source, const std::string& destination, bool all_tags,
                         const registry::ClientOptions& client, py::object on_event, OptionalToken cancel,
                         Seconds timeout_s) {
  SHIPSET_TRY(auto from, Location::parse(source));
  SHIPSET_TRY(auto to, Location::parse(destination));
  return run<std::string>({std::move(on_event), std::move(cancel), timeout_s},
                          [&](const EventSink& events, const CancelToken& token) -> Result<std::string> {
                            SHIPSET_TRY(auto report, release::copy(from, to, all_tags, client, events, token));
                            return copy_json(report);
                          });
}

Result<std::string> inspect(const std::string& reference, const registry::ClientOptions& client, OptionalToken cancel,
                            Seconds timeout_s) {
  SHIPSET_TRY(auto location, Location::parse(reference));
  return run<std::string>({py::none(), std::move(cancel), timeout_s}, [&](const EventSink&, const CancelToken& token) {
    return release::inspect_json(location, client, token);
  });
}

Result<release::SetDemand> demand_of(const std::string& text) {
  if (text == "if-present") return release::SetDemand::if_present;
  if (text == "required") return release::SetDemand::required;
  if (text == "partial") return release::SetDemand::partial;
  if (text == "ignored") return release::SetDemand::ignored;
  return Error(ErrorKind::usage, "\"" + printable(text, 60) + "\" says nothing about a set", {},
               "choose if-present, required, partial or ignored");
}

Result<std::string> select(const std::string& reference, const std::vector<std::string>& hardware,
                           const std::string& platform, const registry::ClientOptions& client, OptionalToken cancel,
                           Seconds timeout_s) {
  SHIPSET_TRY(auto location, Location::parse(reference));
  std::vector<release::HardwareFact> machine;
  for (const auto& text : hardware) {
    SHIPSET_TRY(auto fact, release::HardwareFact::parse(text));
    machine.push_back(std::move(fact));
  }
  std::optional<Platform> wanted;
  if (!platform.empty()) {
    SHIPSET_TRY(wanted, Platform::parse(platform));
  }
  return run<std::string>({py::none(), std::move(cancel), timeout_s},
                          [&](const EventSink&, const CancelToken& token) -> Result<std::string> {
                            SHIPSET_TRY(auto chosen, release::select(location, machine, wanted, client, token));
                            return chosen.to_json();
                          });
}

Result<std::pair<bool, std::string>> verify(const std::string& reference, const std::string& set,
                                            const registry::ClientOptions& client, py::object on_event,
                                            OptionalToken cancel, Seconds timeout_s) {
  using Answer = std::pair<bool, std::string>;
  SHIPSET_TRY(auto location, Location::parse(reference));
  SHIPSET_TRY(const auto demand, demand_of(set));
  return run<Answer>({std::move(on_event), std::move(cancel), timeout_s},
                     [&](const EventSink& events, const CancelToken& token) -> Result<Answer> {
                       SHIPSET_TRY(auto verification, release::verify(location, client, events, token, demand));
                       return Answer{verification.ok(), verification.to_json()};
                     });
}

Result<std::string> diff(const std::string& one, const std::string& other, const std::string& platform, bool packages,
                         const registry::ClientOptions& client, py::object on_event, OptionalToken cancel,
                         Seconds timeout_s) {
  SHIPSET_TRY(auto from, Location::parse(one));
  SHIPSET_TRY(auto to, Location::parse(other));
  return run<std::string>({std::move(on_event), std::move(cancel), timeout_s},
                          [&](const EventSink& events, const CancelToken& token) {
                            return release::diff_json(from, to, {platform, packages}, client, events, token);
                          });
}

using SbomParts = std::tuple<std::string, std::string, std::string, std::string>;

Result<std::vector<SbomParts>> sboms(const std::string& reference, const std::string& platform,
                                     const registry::ClientOptions& client, py::object on_event, OptionalToken cancel,
                                     Seconds timeout_s) {
  using Answer = std::vector<SbomParts>;
  SHIPSET_TRY(auto location, Location::parse(reference));
  return run<Answer>({std::move(on_event), std::move(cancel), timeout_s},
                     [&](const EventSink& events, const CancelToken& token) -> Result<Answer> {
                       SHIPSET_TRY(const auto found, release::sboms(location, platform, client, events, token));
                       Answer out;
                       for (const auto& sbom : found)
                         out.emplace_back(sbom.platform, sbom.image.str(), sbom.source, sbom.document);
                       return out;
                     });
}

}  // namespace

void bind_content(py::module_& module) {
  module.def("copy", &copy, py::arg("source"), py::arg("destination"), py::kw_only(), py::arg("all_tags"),
             py::arg("client"), py::arg("on_event") = py::none(), py::arg("cancel") = py::none(),
             py::arg("timeout_s") = py::none());
  module.def("inspect", &inspect, py::arg("reference"), py::kw_only(), py::arg("client"),
             py::arg("cancel") = py::none(), py::arg("timeout_s") = py::none());
  module.def("select", &select, py::arg("reference"), py::kw_only(), py::arg("hardware"), py::arg("platform"),
             py::arg("client"), py::arg("cancel") = py::none(), py::arg("timeout_s") = py::none(),
             "The chosen variant as JSON.");
  module.def("verify", &verify, py::arg("reference"), py::kw_only(), py::arg("set"), py::arg("client"),
             py::arg("on_event") = py::none(), py::arg("cancel") = py::none(), py::arg("timeout_s") = py::none(),
             "Whether everything holds, and the findings as JSON.");
  module.def("diff", &diff, py::arg("one"), py::arg("other"), py::kw_only(), py::arg("platform"), py::arg("packages"),
             py::arg("client"), py::arg("on_event") = py::none(), py::arg("cancel") = py::none(),
             py::arg("timeout_s") = py::none(), "The difference as JSON.");
  module.def("sboms", &sboms, py::arg("reference"), py::kw_only(), py::arg("platform"), py::arg("client"),
             py::arg("on_event") = py::none(), py::arg("cancel") = py::none(), py::arg("timeout_s") = py::none(),
             "Platform, digest, source and SPDX document of each image.");
}

}  // namespace shipset::bindings

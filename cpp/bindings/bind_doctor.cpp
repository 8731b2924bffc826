// What a registry, or this machine, can do.
#include "pump.hpp"
#include "shipset/registry/doctor.hpp"

namespace shipset::bindings {

namespace {

Result<std::string> doctor(const std::string& place, bool write, const registry::ClientOptions& options,
                           py::object on_event, std::optional<CancelToken> cancel, std::optional<double> timeout_s) {
  return run<std::string>({std::move(on_event), std::move(cancel), timeout_s},
                          [&](const EventSink& events, const CancelToken& token) -> Result<std::string> {
                            if (place.empty()) {
                              SHIPSET_TRY(const auto machine, registry::examine_machine(options, token));
                              return machine.to_json();
                            }
                            registry::ClientOptions noting = options;
                            if (!noting.notes) noting.notes = events;
                            registry::Client client(std::move(noting));
                            SHIPSET_TRY(const auto report, registry::diagnose(client, place, {write}, events, token));
                            return report.to_json();
                          });
}

}  // namespace

void bind_doctor(py::module_& module) {
  module.def("doctor", &doctor, py::arg("place"), py::kw_only(), py::arg("write"), py::arg("client"),
             py::arg("on_event") = py::none(), py::arg("cancel") = py::none(), py::arg("timeout_s") = py::none(),
             "Findings as JSON; an empty place is this machine.");
}

}  // namespace shipset::bindings

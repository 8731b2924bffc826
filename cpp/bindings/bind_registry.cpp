// How registries are reached, and credentials.
#include "pump.hpp"
#include "shipset/base/json.hpp"
#include "shipset/base/text.hpp"
#include "shipset/registry/client.hpp"
#include "shipset/registry/credentials.hpp"

namespace shipset::bindings {

namespace {

using OptionalToken = std::optional<CancelToken>;
using Seconds = std::optional<double>;

registry::ClientOptions make_options(const std::set<std::string>& plain_http, const std::set<std::string>& insecure_tls,
                                     const std::string& ca_file,
                                     const std::map<std::string, std::vector<std::string>>& mirrors,
                                     const std::map<std::string, std::pair<std::string, std::string>>& certificates,
                                     bool host_files) {
  registry::ClientOptions options;
  options.plain_http = plain_http;
  options.insecure_tls = insecure_tls;
  options.ca_file = ca_file;
  options.mirrors = mirrors;
  for (const auto& [host, files] : certificates) options.client_certificates[host] = {files.first, files.second};
  if (!host_files) options.hosts = registry::HostSources{};
  options.user_agent = "shipset/" SHIPSET_VERSION;
  return options;
}

Result<std::string> json_of_login(const std::string& host, const std::string& username, const std::string& password) {
  if (username.empty() || username.find(':') != std::string::npos)
    return Error(ErrorKind::usage, "wrong user name for " + host, "it is empty or holds a colon");
  if (password.empty()) return Error(ErrorKind::usage, "the password for " + host + " is empty");
  JsonWriter out;
  out.begin_object().key("auths").begin_object().key(host).begin_object();
  out.member("auth", base64_encode(username + ":" + password)).end_object().end_object().end_object();
  return out.take();
}

/// Tries the login with the registry first, so that a wrong password is never stored.
Result<std::string> login(const std::string& host, const std::string& username, const std::string& password,
                          registry::ClientOptions client, OptionalToken cancel, Seconds timeout_s) {
  const Secret secret(password);
  SHIPSET_TRY(auto config, json_of_login(host, username, password));
  registry::CredentialSources only_this;
  only_this.inline_config = std::move(config);
  client.credentials = std::move(only_this);
  return run<std::string>({py::none(), std::move(cancel), timeout_s},
                          [&](const EventSink&, const CancelToken& token) -> Result<std::string> {
                            SHIPSET_CHECK(registry::Client(client).ping(host, token));
                            const auto sources = registry::CredentialSources::from_environment();
                            return registry::store_credential(sources, host, username, secret);
                          });
}

Result<std::string> logout(const std::string& host) {
  return registry::erase_credential(registry::CredentialSources::from_environment(), host);
}

Result<void> ping(const std::string& host, const registry::ClientOptions& client, OptionalToken cancel,
                  Seconds timeout_s) {
  using Nothing = std::monostate;
  auto done = run<Nothing>({py::none(), std::move(cancel), timeout_s},
                           [&](const EventSink&, const CancelToken& token) -> Result<Nothing> {
                             SHIPSET_CHECK(registry::Client(client).ping(host, token));
                             return Nothing{};
                           });
  if (!done) return done.error();
  return {};
}

}  // namespace

void bind_registry(py::module_& module) {
  py::class_<registry::ClientOptions>(module, "ClientOptions", "How registries are reached.")
      .def(py::init(&make_options), py::kw_only(), py::arg("plain_http"), py::arg("insecure_tls"), py::arg("ca_file"),
           py::arg("mirrors"), py::arg("client_certificates"), py::arg("host_files"));
  module.def("login", &login, py::arg("host"), py::kw_only(), py::arg("username"), py::arg("password"),
             py::arg("client"), py::arg("cancel") = py::none(), py::arg("timeout_s") = py::none(),
             "Where the login was stored.");
  module.def("logout", &logout, py::arg("host"), py::call_guard<py::gil_scoped_release>(),
             "Where the login was removed from; empty when there was none.");
  module.def("ping", &ping, py::arg("host"), py::kw_only(), py::arg("client"), py::arg("cancel") = py::none(),
             py::arg("timeout_s") = py::none(), "Proves that the registry answers and accepts the stored login.");
}

}  // namespace shipset::bindings

// What this machine brings to a release. Reads files and the environment, starts helpers and builders only with
// `version`; no request goes out.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "ca_bundle_impl.hpp"
#include "doctor_impl.hpp"
#include "hosts_impl.hpp"
#include "shipset/base/file.hpp"
#include "shipset/base/json.hpp"
#include "shipset/base/process.hpp"
#include "shipset/base/secret.hpp"
#include "shipset/base/text.hpp"
#include "shipset/registry/doctor.hpp"
#include "state_directory_impl.hpp"

namespace shipset::registry {

namespace fs = std::filesystem;

namespace {
constexpr std::uint64_t config_limit = 4u << 20;
constexpr std::chrono::milliseconds version_time{5'000};

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

/// The first line that `argv` prints; nullopt when it cannot be run.
Result<std::optional<std::string>> version_of(std::vector<std::string> argv, const CancelToken& cancel) {
  ProcessSpec spec;
  spec.argv = std::move(argv);
  spec.timeout = version_time;
  const auto done = run_process(spec, cancel);
  SHIPSET_CHECK(cancel.check());
  if (!done) return std::optional<std::string>();
  if (done->timed_out) return std::optional<std::string>("does not answer");
  if (done->exit_code != 0) return std::optional<std::string>();
  const auto line = split(done->out, '\n').front();
  return std::optional(printable(trim(line), 120));
}

/// Hosts with a login, and helpers, of one file.
void read_config(const std::string& file, const std::string& text, DoctorReport& report,
                 std::vector<std::string>& helpers) {
  const auto json = parse_json(text, file, ErrorKind::io, {config_limit, 32, 100'000});
  if (!json || !json->is_object()) {
    report.findings.push_back(
        {"credential file", file, Verdict::bad, "it is not a JSON object", "repair or remove it"});
    return;
  }
  std::vector<std::string> hosts;
  if (const auto auths = json->find("auths"); auths != json->end() && auths->is_object())
    for (const auto& [host, entry] : auths->items()) hosts.push_back(printable(host, 100));
  const auto add_helper = [&](const Json& suffix) {
    if (!suffix.is_string()) return;
    const auto name = suffix.get<std::string>();
    if (std::find(helpers.begin(), helpers.end(), name) == helpers.end() && helpers.size() < 20)
      helpers.push_back(name);
  };
  if (const auto store = json->find("credsStore"); store != json->end()) add_helper(*store);
  if (const auto by_host = json->find("credHelpers"); by_host != json->end() && by_host->is_object())
    for (const auto& [host, suffix] : by_host->items()) add_helper(suffix);
  if (hosts.size() > 20) hosts.resize(20);
  report.findings.push_back(
      {"credential file", file, Verdict::good, hosts.empty() ? "no logins" : "logins for " + join(hosts, ", "), {}});
}

Result<void> credential_files(const ClientOptions& options, DoctorReport& report, const CancelToken& cancel) {
  const auto sources = options.credentials ? *options.credentials : CredentialSources::from_environment();
  std::vector<std::string> files{sources.docker_config}, helpers;
  files.insert(files.end(), sources.podman_files.begin(), sources.podman_files.end());
  const std::size_t before = report.findings.size();
  if (!sources.inline_config.empty()) read_config("DOCKER_AUTH_CONFIG", sources.inline_config, report, helpers);
  for (const auto& file : files) {
    std::error_code ignored;
    if (file.empty() || !fs::exists(file, ignored)) continue;
    const auto text = read_file(file, config_limit);
    if (text)
      read_config(file, *text, report, helpers);
    else
      report.findings.push_back(
          {"credential file", file, Verdict::bad, text.error().why, "make it readable, or remove it"});
  }
  if (report.findings.size() == before)
    report.findings.push_back(
        {"credential file", "none", Verdict::note, "requests are anonymous", "log in with `shipset login HOST`"});
  for (const auto& helper : helpers) {
    const std::string program = "docker-credential-" + printable(helper, 60);
    const bool plain = helper.find('/') == std::string::npos;
    SHIPSET_TRY(const auto version, plain ? version_of({program, "version"}, cancel)
                                          : Result<std::optional<std::string>>(std::optional<std::string>()));
    // Not every helper knows the verb; that it can be started is shown by the file itself.
    const auto there = version ? *version : std::string();
    report.findings.push_back(
        {"credential helper", program, version ? Verdict::good : Verdict::warning, there,
         version ? "" : "it cannot be started, or knows no `version`: see that it is installed and on PATH"});
  }
  return {};
}

void certificates(const ClientOptions& options, DoctorReport& report) {
  const CaBundle bundle = find_ca_bundle(options.ca_file);
  std::error_code ignored;
  const bool named = !environment("SSL_CERT_FILE").empty();
  if (bundle.path.empty() && bundle.text.empty()) {
    report.findings.push_back({"certificates", "no bundle found", Verdict::bad, "HTTPS will fail",
                               "install ca-certificates, or name a bundle with SSL_CERT_FILE"});
  } else if (bundle.text.empty() && ::access(bundle.path.c_str(), R_OK) != 0) {
    report.findings.push_back({"certificates", bundle.path, Verdict::bad, "it cannot be read",
                               named ? "correct SSL_CERT_FILE" : "make it readable"});
  } else {
    report.findings.push_back({"certificates",
                               bundle.path,
                               Verdict::good,
                               std::string(named ? "from SSL_CERT_FILE" : "of the system") +
                                   (options.ca_file.empty() ? "" : ", and " + options.ca_file),
                               {}});
  }
}

void proxies(DoctorReport& report) {
  bool any = false;
  // HTTP_PROXY in capitals is not heeded: a web server's CGI sets it from a request.
  for (const char* name : {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"}) {
    const std::string value = environment(name);
    if (value.empty()) continue;
    any = true;
    report.findings.push_back({"proxy", without_password(value), Verdict::note, std::string("from ") + name, {}});
  }
  std::string past = environment("no_proxy");
  if (past.empty()) past = environment("NO_PROXY");
  if (any)
    report.findings.push_back({"proxy exceptions",
                               past.empty() ? "loopback only" : printable(past, 200),
                               Verdict::note,
                               past.empty() ? "" : "from no_proxy, and loopback",
                               {}});
  else
    report.findings.push_back({"proxy", "none", Verdict::note, {}, {}});
}

void host_files(const ClientOptions& options, DoctorReport& report) {
  const HostSources sources = options.hosts ? *options.hosts : HostSources::from_environment();
  const auto rules = load_rules(sources);
  if (!rules) {
    report.findings.push_back({"registries.conf", "cannot be used", Verdict::bad,
                               rules.error().what + ": " + rules.error().why, "correct it"});
    return;
  }
  std::vector<std::string> mirrored;
  for (const auto& rule : *rules)
    if (!rule.mirrors.empty()) mirrored.push_back(printable(rule.prefix, 100));
  if (!mirrored.empty())
    report.findings.push_back({"mirrors", join(mirrored, ", "), Verdict::note, "from registries.conf", {}});
}

void state(const ClientOptions& options, DoctorReport& report) {
  const std::string place = resolve_state_directory(options.state_directory);
  const auto folder = state_folder(place, "registries");
  if (folder)
    report.findings.push_back(
        {"state folder", place, Verdict::good, "uploads that break go on in another process", {}});
  else
    report.findings.push_back(
        {"state folder", place.empty() ? "none" : place, Verdict::warning, folder.error().why,
         "uploads that break begin anew in another process: set XDG_STATE_HOME to a folder of yours"});
}

Result<void> builders(DoctorReport& report, const CancelToken& cancel) {
  const std::pair<const char*, std::vector<std::string>> programs[] = {
      {"docker", {"docker", "--version"}},
      {"buildx", {"docker", "buildx", "version"}},
      {"buildctl", {"buildctl", "--version"}},
  };
  for (const auto& [name, argv] : programs) {
    SHIPSET_TRY(auto version, version_of(argv, cancel));
    if (!version && std::string_view(name) == "buildx") {
      SHIPSET_TRY(version, version_of({"buildx", "version"}, cancel));
    }
    const bool wanted = std::string_view(name) == "buildx";
    report.findings.push_back(
        {name,
         version.value_or("not found"),
         version ? Verdict::good : Verdict::note,
         {},
         version || !wanted ? "" : "install it to build Dockerfiles; the native builder needs nothing"});
  }
  return {};
}
}  // namespace

std::string without_password(const std::string& url) {
  const auto at = url.rfind('@');
  if (at == std::string::npos) return printable(url, 200);
  const auto scheme = url.find("://");
  const auto begin = scheme == std::string::npos || scheme > at ? 0 : scheme + 3;
  const auto colon = url.find(':', begin);
  const std::string user = url.substr(begin, std::min(colon, at) - begin);
  return printable(url.substr(0, begin) + user + (colon < at ? ":***" : "") + url.substr(at), 200);
}

Result<DoctorReport> examine_machine(const ClientOptions& options, const CancelToken& cancel) {
  DoctorReport report;
  SHIPSET_CHECK(credential_files(options, report, cancel));
  certificates(options, report);
  proxies(report);
  host_files(options, report);
  state(options, report);
  SHIPSET_CHECK(builders(report, cancel));
  return report;
}

}  // namespace shipset::registry

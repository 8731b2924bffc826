// The order of the steps, and the report as JSON.
#include <random>

#include "doctor_impl.hpp"
#include "error_body_impl.hpp"
#include "shipset/base/json.hpp"
#include "shipset/base/secret.hpp"
#include "shipset/base/text.hpp"

namespace shipset::registry {

namespace {
constexpr std::string_view verdict_names[] = {"good", "note", "unknown", "warning", "bad"};

Error no_place(const std::string& place, std::string why) {
  return {ErrorKind::usage, "\"" + printable(place, 200) + "\" is not a registry or repository", std::move(why),
          "give HOST[:PORT] or HOST[:PORT]/REPOSITORY, e.g. ghcr.io/org/app"};
}

Result<Endpoint> endpoint_of(const std::string& place) {
  const auto slash = place.find('/');
  if (slash == std::string::npos) {
    const bool host = place.find_first_of(".:") != std::string::npos || place == "localhost";
    if (!host) return no_place(place, "a host has a dot or a port in its name");
    const auto parsed = Reference::parse(place + "/any");
    const std::string domain = place == "index.docker.io" ? "docker.io" : place;
    if (!parsed || parsed->domain() != domain) return no_place(place, "the host cannot be read");
    return Endpoint{parsed->domain(), parsed->api_host(), {}};
  }
  const auto parsed = Reference::parse(place);
  if (!parsed) return no_place(place, parsed.error().why.empty() ? parsed.error().what : parsed.error().why);
  if (!parsed->tag().empty() || !parsed->digest().empty()) return no_place(place, "it names a tag or digest");
  return Endpoint{parsed->domain(), parsed->api_host(), parsed->path()};
}
}  // namespace

std::string_view to_string(Verdict verdict) noexcept {
  return verdict_names[static_cast<std::size_t>(verdict)];
}

std::string random_word() {
  std::random_device random;
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(random() & 0xff);
  return hex(bytes);
}

Examination::Examination(std::shared_ptr<Client::Core> core, Endpoint at, DoctorOptions options,
                         const EventSink& events, CancelToken cancel)
    : core_(std::move(core)),
      at_(std::move(at)),
      options_(options),
      events_(events),
      store_(core_, at_, std::move(cancel)) {
  report_.host = at_.domain;
  report_.repository = at_.path;
}

Result<DoctorReport> Examination::run() {
  const Profiles::Probing probing(core_->profiles);
  constexpr Step reach[] = {&Examination::credentials, &Examination::connection};
  constexpr Step look[] = {&Examination::pull,          &Examination::push,     &Examination::deleting,
                           &Examination::chunks,        &Examination::write,    &Examination::mounts,
                           &Examination::broken_upload, &Examination::referrers};
  Result<void> done;
  for (const Step step : reach)
    if (done && report_.usable()) done = (this->*step)();
  const bool inside = report_.usable() && !at_.path.empty();
  // A right that is missing does not keep the others from being looked at.
  for (const Step step : look)
    if (done && inside) done = (this->*step)();
  clean_up();
  if (!done && done.error().kind == ErrorKind::cancelled) return std::move(done).error();
  if (!done) fail(std::move(done).error());
  SHIPSET_CHECK(behaviour());
  report_.profile = core_->profiles.of(at_.api_host);
  return std::move(report_);
}

void Examination::add(Finding finding) {
  emit(events_, {EventKind::note, "doctor", finding.name, finding.name + ": " + finding.result, 0, 0, {}});
  report_.findings.push_back(std::move(finding));
}

void Examination::add(std::string name, std::string result, Verdict verdict, std::string explanation,
                      std::string advice) {
  add(Finding{std::move(name), std::move(result), verdict, redact(explanation), std::move(advice)});
}

void Examination::fail(Error problem) {
  if (!report_.problem) report_.problem = std::move(problem);
}

Result<Answer> Examination::once(const Call& call) {
  const Stop until = stop();
  if (until.requested()) return until.error();
  auto answer = core_->attempt(
      at_, call, [&until](ExchangeHandle& handle) -> Result<Outcome> { return handle->finish(until); }, until);
  if (until.requested()) return until.error();
  return answer;
}

Result<Answer> Examination::send(std::string_view method, const std::string& url, const std::string& actions) {
  Call call;
  call.method = method;
  call.url = url;
  if (method == "POST") call.body = "";
  if (!at_.path.empty()) call.scopes = store_.scopes(actions);
  return core_->send(at_, call, "cannot examine " + at_.name(), stop());
}

std::string Examination::told(const HttpResponse& response) {
  const Refusal refusal = read_refusal(response);
  std::string out = std::to_string(response.status);
  if (!refusal.code.empty()) out += " " + refusal.code;
  if (!response.success() && !refusal.message.empty() && !is_html(response)) out += ": " + refusal.message;
  return out;
}

std::string DoctorReport::to_json() const {
  JsonWriter out;
  out.begin_object().member("schema_version", 1).member("host", host).member("repository", repository);
  out.member("usable", usable()).key("findings").begin_array();
  for (const auto& finding : findings) {
    out.begin_object().member("name", finding.name).member("result", finding.result);
    out.member("verdict", to_string(finding.verdict)).member("explanation", finding.explanation);
    out.member("advice", finding.advice).end_object();
  }
  out.end_array().key("profile");
  write_facts(out, profile);
  out.key("left").begin_array();
  for (const auto& name : left) out.value(name);
  out.end_array().key("problem");
  if (problem) {
    out.begin_object().member("kind", to_string(problem->kind)).member("exit_code", exit_code(problem->kind));
    out.member("what", problem->what).member("why", problem->why).member("hint", problem->hint).end_object();
  } else {
    out.null();
  }
  out.end_object();
  return out.take();
}

Result<DoctorReport> diagnose(Client& client, const std::string& place, const DoctorOptions& options,
                              const EventSink& events, const CancelToken& cancel) {
  SHIPSET_TRY(Endpoint at, endpoint_of(place));
  if (options.write && at.path.empty()) return no_place(place, "a trial that writes needs a repository");
  return Examination(client.core_, std::move(at), options, events, cancel).run();
}

}  // namespace shipset::registry

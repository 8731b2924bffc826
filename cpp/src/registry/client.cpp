#include "shipset/registry/client.hpp"

#include "error_body_impl.hpp"
#include "mirrored_store_impl.hpp"
#include "repository_impl.hpp"

namespace shipset::registry {

namespace {
/// docker.io is a name for people; its API lives elsewhere.
std::string api_host_of(const std::string& host) {
  return host == "docker.io" || host == "index.docker.io" ? "registry-1.docker.io" : host;
}
}  // namespace

Client::Client(ClientOptions options) : core_(std::make_shared<Core>(std::move(options))) {}
Client::~Client() = default;

std::unique_ptr<oci::Store> Client::repository(const Reference& reference, const CancelToken& cancel) {
  Endpoint at{reference.domain(), reference.api_host(), reference.path()};
  return std::make_unique<RepositoryStore>(core_, std::move(at), cancel);
}

Result<std::unique_ptr<oci::Store>> Client::pull_repository(const Reference& reference, const CancelToken& cancel) {
  SHIPSET_TRY(const auto found, core_->book.pull_places(reference));
  if (found.size() == 1) return repository(found.front().repository, cancel);
  auto places = std::make_shared<MirrorPlaces>();
  places->name = reference.domain() + "/" + reference.path();
  places->notes = core_->options.notes;
  for (const auto& each : found) {
    auto store = repository(each.repository, cancel);
    if (each.origin) {
      places->origin = std::move(store);
      break;
    }
    places->mirrors.push_back(std::make_unique<MirrorPlace>());
    places->mirrors.back()->store = std::move(store);
    places->mirrors.back()->pulls = each.pulls;
  }
  return mirrored_store(std::move(places));
}

Result<void> Client::ping(const std::string& host, const CancelToken& cancel) {
  const Endpoint at{host, api_host_of(host), {}};
  const std::string what = "cannot use the registry " + host;
  if (!Url::parse("https://" + at.api_host + "/v2/"))
    return Error(ErrorKind::usage, "\"" + host + "\" is not the address of a registry", {}, "give HOST or HOST:PORT");
  Call call;
  call.url = "/v2/";
  SHIPSET_TRY(const Answer answer, core_->send(at, call, what, {core_->options.cancel, {}, cancel}));
  const HttpResponse& response = answer.outcome.response;
  if (response.status == 200 && is_html(response)) return unreadable(what, "the answer is a web page", host);
  if (response.status == 200) return {};
  Error error = core_->refusal(at, answer, what);
  if (error.kind == ErrorKind::not_found) error.kind = ErrorKind::registry;
  return error;
}

Profile Client::profile(const std::string& api_host) const {
  return core_->profiles.of(api_host);
}

Traffic Client::traffic() const {
  const LoopTraffic seen = core_->loop.traffic();
  return {seen.requests, seen.bytes_sent, seen.bytes_received, core_->retries.load()};
}

}  // namespace shipset::registry

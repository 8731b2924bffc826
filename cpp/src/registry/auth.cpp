#include <algorithm>
#include <thread>

#include "auth_impl.hpp"
#include "shipset/base/linked_cancel.hpp"
#include "shipset/base/text.hpp"

namespace shipset::registry {

namespace {
constexpr auto wait_slice = std::chrono::milliseconds(100);
/// Tokens are renewed so long before they run out, so that none dies on its way.
constexpr auto renew_early = std::chrono::seconds(10);

Error stopped() {
  return {ErrorKind::cancelled, "stopped on request"};
}

const Challenge* find_scheme(const std::vector<Challenge>& challenges, std::string_view scheme) {
  const auto found =
      std::find_if(challenges.begin(), challenges.end(), [&](const Challenge& c) { return c.scheme == scheme; });
  return found == challenges.end() ? nullptr : &*found;
}

std::string repository_key(const AuthTarget& target) {
  return target.base.origin() + "/" + target.path;
}
}  // namespace

Result<Credential> Authenticator::login(const AuthTarget& target, const Stop& stop) {
  std::shared_ptr<Login> entry;
  {
    std::lock_guard lock(mutex_);
    auto& slot = logins_[repository_key(target)];
    if (!slot) slot = std::make_shared<Login>();
    entry = slot;
  }
  std::unique_lock lock(entry->mutex, std::defer_lock);
  while (!lock.try_lock()) {  // another thread is asking a helper, which may take its time
    if (stop.requested()) return stopped();
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  if (entry->credential) return *entry->credential;
  const LinkedCancel joined([&stop] { return stop.requested(); });  // a credential helper knows one token only
  auto found = find_credential(sources_, target.domain, target.path, joined.token());
  if (!found) return std::move(found).error();
  entry->credential = *found;
  return found;
}

std::string Authenticator::source_of(const AuthTarget& target) {
  std::shared_ptr<Login> entry;
  {
    std::lock_guard lock(mutex_);
    const auto found = logins_.find(repository_key(target));
    if (found == logins_.end()) return {};
    entry = found->second;
  }
  std::lock_guard lock(entry->mutex);
  return entry->credential ? entry->credential->source : std::string();
}

Result<Authorization> Authenticator::authorize(const AuthTarget& target, Clock::time_point began, const Stop& stop) {
  HostAuth how;
  {
    std::lock_guard lock(mutex_);
    const auto found = hosts_.find(target.base.origin());
    if (found != hosts_.end()) how = found->second;
  }
  if (how.kind == HostAuth::Kind::unknown) return Authorization{};
  if (how.kind == HostAuth::Kind::bearer) return bearer(target, how, began, stop);
  SHIPSET_TRY(const Credential credential, login(target, stop));
  if (credential.username.empty()) return Authorization{};
  Authorization out;
  out.header = "Basic " + base64_encode(credential.username + ":" + credential.password.reveal());
  return out;
}

Result<void> Authenticator::check_realm(const AuthTarget& target, const Url& realm) const {
  const auto refuse = [&](std::string why) {
    return Error(ErrorKind::registry, "cannot log in to " + target.domain,
                 "the registry names the token server " + realm.shown() + ", but " + why,
                 "check the address of the registry and its configuration");
  };
  const bool registry_is_local = is_local_host(target.base.host);
  if (realm.scheme == "http" && target.base.scheme == "https" && !(registry_is_local && is_local_host(realm.host)))
    return refuse("credentials are not sent over plain HTTP");
  if (!registry_is_local && realm.host != target.base.host && is_local_host(realm.host))
    return refuse("that is a local address");
  return {};
}

Result<Authorization> Authenticator::bearer(const AuthTarget& target, const HostAuth& how, Clock::time_point began,
                                            const Stop& stop) {
  SHIPSET_TRY(const Credential credential, login(target, stop));
  Authorization out;
  if (!credential.registry_token.empty()) {
    out.header = "Bearer " + credential.registry_token.reveal();
    return out;
  }
  const auto realm = Url::parse(how.realm);
  if (!realm)
    return Error(ErrorKind::registry, "cannot log in to " + target.domain,
                 "its challenge names no usable token server: " + printable(how.realm, 100));
  SHIPSET_CHECK(check_realm(target, *realm));
  out.token_key = repository_key(target) + "\n" + how.realm + "\n" + how.service + "\n" + join(target.scopes, "\n");
  std::unique_lock lock(mutex_);
  for (;;) {
    const Token& known = tokens_[out.token_key];
    if (!known.fetching && !known.value.empty() && Clock::now() + renew_early < known.expires) {
      out.header = "Bearer " + known.value.reveal();
      out.fresh = known.fetched >= began;
      return out;
    }
    if (!known.fetching) break;
    if (stop.requested()) return stopped();
    token_ready_.wait_for(lock, wait_slice);
  }
  tokens_[out.token_key].fetching = true;
  lock.unlock();
  auto fetched = fetch_token(fetch_, target, *realm, how.service, credential, stop);
  lock.lock();
  Token& token = tokens_[out.token_key];
  token.fetching = false;
  token_ready_.notify_all();
  if (!fetched) return std::move(fetched).error();
  token.value = fetched->value;
  token.fetched = Clock::now();
  token.expires = token.fetched + fetched->lifetime;
  out.header = "Bearer " + token.value.reveal();
  out.fresh = true;
  return out;
}

Result<bool> Authenticator::challenged(AuthTarget& target, const std::vector<Challenge>& challenges,
                                       const Authorization& sent) {
  const Challenge* bearer_challenge = find_scheme(challenges, "bearer");
  const Challenge* basic_challenge = find_scheme(challenges, "basic");
  std::lock_guard lock(mutex_);
  if (bearer_challenge == nullptr && basic_challenge == nullptr) return false;
  auto& how = hosts_[target.base.origin()];
  if (bearer_challenge == nullptr) {
    how = {HostAuth::Kind::basic, {}, {}};
    return sent.header.empty();
  }
  how = {HostAuth::Kind::bearer, bearer_challenge->value("realm"), bearer_challenge->value("service")};
  const auto before = target.scopes;
  merge_scopes(target.scopes, bearer_challenge->value("scope"));
  if (sent.header.empty() || target.scopes != before) return true;
  if (sent.fresh || sent.token_key.empty()) return false;
  const auto stale = tokens_.find(sent.token_key);
  if (stale != tokens_.end() && !stale->second.fetching && sent.header == "Bearer " + stale->second.value.reveal())
    stale->second.value = Secret();
  return true;
}

}  // namespace shipset::registry

#include <algorithm>
#include <nlohmann/json.hpp>

#include "credential_files_impl.hpp"
#include "shipset/base/json.hpp"
#include "shipset/base/process.hpp"
#include "shipset/base/text.hpp"

namespace shipset::registry {

namespace {
constexpr std::string_view not_found_text = "credentials not found in native keychain";

bool valid_suffix(std::string_view suffix) {
  return !suffix.empty() && suffix.size() <= 64 && suffix.front() != '-' &&
         std::all_of(suffix.begin(), suffix.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
                  c == '.';
         });
}

Error helper_error(const Helper& helper, const std::string& address, std::string why) {
  Error error(ErrorKind::auth,
              "credential helper docker-credential-" + printable(helper.suffix, 64) + " failed for " + address,
              printable(redact(why)), "repair the helper, or remove it: it is named by " + helper.named_in);
  error.with("host", address);
  return error;
}

/// What a helper complains of. One that prints a login beside a failure gets no hearing: the text may be the secret.
std::string complaint_of(const ProcessOutcome& outcome) {
  const auto text = std::string(trim(outcome.out.empty() ? outcome.err : outcome.out));
  const std::string code = "exit code " + std::to_string(outcome.exit_code);
  if (text.empty()) return code;
  const auto lower = to_lower(text);
  if (lower.find("\"secret\"") != std::string::npos || lower.find("password") != std::string::npos)
    return code + "; what it printed is not shown, for it may hold a secret";
  return text;
}

/// Standard output of a helper that ended with 0; its complaint (which it prints there too) in `complaint` otherwise.
Result<std::string> run_helper(const Helper& helper, const std::string& verb, const std::string& address,
                               std::string input, const CancelToken& cancel, std::string& complaint) {
  if (!valid_suffix(helper.suffix)) return helper_error(helper, address, "its name is not a plain word");
  ProcessSpec spec;
  spec.argv = {"docker-credential-" + helper.suffix, verb};
  spec.input = std::move(input);
  spec.timeout = helper.timeout;
  spec.output_limit = 256u << 10;
  auto outcome = run_process(spec, cancel);
  if (!outcome) {
    if (outcome.error().kind == ErrorKind::cancelled) return std::move(outcome).error();
    Error error =
        helper_error(helper, address, outcome.error().why.empty() ? outcome.error().what : outcome.error().why);
    error.hint = "install docker-credential-" + helper.suffix + " into PATH, or take it out of " + helper.named_in;
    return error;
  }
  if (outcome->cancelled) return Error(ErrorKind::cancelled, "stopped on request");
  if (outcome->timed_out)
    return helper_error(helper, address,
                        "it did not answer within " + std::to_string((helper.timeout.count() + 999) / 1000) +
                            " s and was ended; it may have asked for something that nobody saw");
  if (outcome->exit_code == 0) return std::move(outcome->out);
  complaint = complaint_of(*outcome);
  return std::string();
}
}  // namespace

Result<std::optional<Credential>> helper_get(const Helper& helper, const std::string& address,
                                             const CancelToken& cancel) {
  std::string complaint;
  SHIPSET_TRY(const std::string out, run_helper(helper, "get", address, address, cancel, complaint));
  if (complaint.find(not_found_text) != std::string::npos) return std::optional<Credential>();
  if (!complaint.empty()) return helper_error(helper, address, complaint);
  const auto json = parse_json(out, "answer of the helper", ErrorKind::auth, {256u << 10, 8, 1000});
  if (!json || !json->is_object()) return helper_error(helper, address, "its answer is not a JSON object");
  const auto member = [&](const char* name) {
    const auto found = json->find(name);
    return found != json->end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  Credential credential;
  credential.source = "helper docker-credential-" + helper.suffix;
  credential.username = member("Username");
  Secret secret(member("Secret"));
  if (credential.username == "<token>") {
    credential.username.clear();
    credential.identity_token = std::move(secret);
  } else {
    credential.password = std::move(secret);
  }
  if (credential.anonymous()) return std::optional<Credential>();
  return std::optional<Credential>(std::move(credential));
}

Result<void> helper_store(const Helper& helper, const std::string& address, const std::string& username,
                          const Secret& password) {
  JsonWriter json;
  json.begin_object().member("ServerURL", address).member("Username", username);
  json.member("Secret", password.reveal()).end_object();
  std::string complaint;
  SHIPSET_CHECK(run_helper(helper, "store", address, json.take(), {}, complaint));
  if (!complaint.empty()) return helper_error(helper, address, complaint);
  return {};
}

Result<void> helper_erase(const Helper& helper, const std::string& address) {
  std::string complaint;
  SHIPSET_CHECK(run_helper(helper, "erase", address, address, {}, complaint));
  if (!complaint.empty() && complaint.find(not_found_text) == std::string::npos)
    return helper_error(helper, address, complaint);
  return {};
}

}  // namespace shipset::registry

// Docker's and Podman's files: a login that is stored is found again, the others stay, and no error shows a secret.
#include "credential_files_impl.hpp"
#include "fuzz.hpp"

namespace {
using namespace shipset;
using namespace shipset::registry;

bool same(const std::optional<Credential>& a, const std::optional<Credential>& b) {
  if (!a || !b) return !a == !b;
  return a->username == b->username && a->password.reveal() == b->password.reveal() &&
         a->identity_token.reveal() == b->identity_token.reveal() &&
         a->registry_token.reveal() == b->registry_token.reveal();
}

std::string check(std::string_view bytes) {
  const auto before = look_up(bytes, "file", "other.example", "team/app");
  if (!before) {
    const auto text = render(before.error());
    if (before.error().kind != ErrorKind::io) return "an error of another kind";
    return text.find("cGxhbnRlZDpzZWNyZXQ") == std::string::npos && text.find("planted:secret") == std::string::npos
               ? std::string()
               : "a secret stands in an error";
  }
  if (before->credential && before->credential->anonymous()) return "a login that is none";
  Credential credential;
  credential.username = "new";
  credential.password = Secret("pass:word");
  bool changed = false;
  const auto stored = with_entry(bytes, "file", "reg.example:5000", &credential, false, changed);
  if (!stored) return stored.error().kind == ErrorKind::io ? std::string() : "an error of another kind";
  const auto found = look_up(*stored, "file", "reg.example:5000", "");
  if (!found || !found->credential) return "a stored login is not found again";
  if (found->credential->username != "new" || found->credential->password.reveal() != "pass:word")
    return "another login than the stored one is found";
  const auto after = look_up(*stored, "file", "other.example", "team/app");
  if (!after || after->helper != before->helper || !same(after->credential, before->credential))
    return "storing a login changed another one";
  const auto erased = with_entry(*stored, "file", "reg.example:5000", nullptr, false, changed);
  if (!erased || !changed) return "a stored login cannot be removed";
  const auto gone = look_up(*erased, "file", "reg.example:5000", "");
  return gone && !gone->credential ? std::string() : "a removed login is still found";
}
}  // namespace

const shipset::fuzz::Target& shipset::fuzz::target() {
  static const Target found{check,
                            {"\"auths\":{",
                             "\"auth\":\"",
                             "cGxhbnRlZDpzZWNyZXQ=",
                             "\"credsStore\":\"",
                             "\"credHelpers\":{",
                             "\"other.example\":",
                             "\"https://other.example/v1/\":",
                             "\"other.example/team\":",
                             "\"reg.example:5000\":",
                             "\"identitytoken\":\"",
                             "\"registrytoken\":\"",
                             "\"username\":\"",
                             "\"password\":\"",
                             "{}",
                             "null",
                             "[",
                             "\\u0000",
                             "aGk6",
                             "https://",
                             "/v2/"}};
  return found;
}

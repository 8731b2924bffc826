#include "parse_impl.hpp"
#include "shipset/base/text.hpp"

namespace shipset::oci::detail {

Error document_error(std::string_view document, std::string_view member, std::string_view why) {
  std::string reason = member.empty() ? std::string(why) : printable(member) + ": " + std::string(why);
  return Error(ErrorKind::verify, "cannot read " + std::string(document), std::move(reason));
}

Result<Members> Members::of(const Json& value, std::string_view document, std::string path) {
  if (!value.is_object()) return document_error(document, path, "must be an object");
  return Members(&value, document, std::move(path));
}

std::string Members::place(std::string_view name) const {
  return path_.empty() ? std::string(name) : path_ + "." + std::string(name);
}

Error Members::error(std::string_view name, std::string_view why) const {
  return document_error(document_, place(name), why);
}

const Json* Members::find(std::string_view name) const {
  auto it = value_->find(name);
  return it == value_->end() || it->is_null() ? nullptr : &*it;
}

Result<std::string> Members::text(std::string_view name) const {
  const Json* member = find(name);
  if (!member) return std::string();
  if (!member->is_string()) return error(name, "must be a string");
  return member->get<std::string>();
}

Result<std::string> Members::required_text(std::string_view name) const {
  SHIPSET_TRY(auto out, text(name));
  if (out.empty()) return error(name, "is missing");
  return out;
}

Result<bool> Members::flag(std::string_view name) const {
  const Json* member = find(name);
  if (!member) return false;
  if (!member->is_boolean()) return error(name, "must be true or false");
  return member->get<bool>();
}

Result<std::uint64_t> Members::required_size(std::string_view name) const {
  const Json* member = find(name);
  if (!member) return error(name, "is missing");
  if (!member->is_number_integer()) return error(name, "must be an integer");
  if (!member->is_number_unsigned() && member->get<std::int64_t>() < 0) return error(name, "must not be negative");
  auto size = member->get<std::uint64_t>();
  if (size > static_cast<std::uint64_t>(INT64_MAX)) return error(name, "is larger than 2^63-1");
  return size;
}

Result<const Json*> Members::array(std::string_view name) const {
  const Json* member = find(name);
  if (member && !member->is_array()) return error(name, "must be an array");
  return member;
}

Result<std::vector<std::string>> Members::texts(std::string_view name) const {
  std::vector<std::string> out;
  SHIPSET_TRY(const Json* list, array(name));
  if (!list) return out;
  out.reserve(list->size());
  for (const auto& entry : *list) {
    if (!entry.is_string()) return error(name, "must hold strings only");
    out.push_back(entry.get<std::string>());
  }
  return out;
}

Result<std::map<std::string, std::string>> Members::text_map(std::string_view name) const {
  std::map<std::string, std::string> out;
  const Json* member = find(name);
  if (!member) return out;
  if (!member->is_object()) return error(name, "must be an object");
  for (auto it = member->begin(); it != member->end(); ++it) {
    if (!it->is_string()) return error(name, "the value of \"" + printable(it.key(), 80) + "\" must be a string");
    out.emplace_hint(out.end(), it.key(), it->get<std::string>());
  }
  return out;
}

Result<std::vector<std::string>> Members::names(std::string_view name) const {
  std::vector<std::string> out;
  const Json* member = find(name);
  if (!member) return out;
  if (!member->is_object()) return error(name, "must be an object");
  for (auto it = member->begin(); it != member->end(); ++it) out.push_back(it.key());
  return out;
}

Result<Members> Members::object(std::string_view name) const {
  static const Json empty = Json::object();
  const Json* member = find(name);
  return Members::of(member ? *member : empty, document_, place(name));
}

namespace {

bool good_media_type(std::string_view text) {
  auto part = [](std::string_view name) {
    constexpr std::string_view extra = "!#$&^_.+-";
    if (name.empty() || name.size() > 127) return false;
    for (std::size_t i = 0; i < name.size(); ++i) {
      char c = name[i];
      bool word = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
      if (!word && (i == 0 || extra.find(c) == std::string_view::npos)) return false;
    }
    return true;
  };
  auto slash = text.find('/');
  return slash != std::string_view::npos && part(text.substr(0, slash)) && part(text.substr(slash + 1));
}

Result<void> read_data(const Members& members, Descriptor& out) {
  SHIPSET_TRY(auto text, members.text("data"));
  if (text.empty()) return {};
  if (!base64_decode(text, out.data)) return members.error("data", "is not base64");
  if (out.data.size() != out.size)
    return members.error(
        "data", "holds " + std::to_string(out.data.size()) + " bytes, but size says " + std::to_string(out.size));
  if (!out.digest.computable()) return {};
  Hasher hasher(out.digest.algorithm());
  hasher.update(out.data);
  if (auto found = hasher.finish(); found != out.digest)
    return members.error("data", "has the digest " + found.str() + ", but the descriptor says " + out.digest.str());
  return {};
}

}  // namespace

Result<Platform> parse_platform(const Members& members) {
  Platform out;
  SHIPSET_TRY(out.architecture, members.text("architecture"));
  SHIPSET_TRY(out.os, members.text("os"));
  SHIPSET_TRY(out.os_version, members.text("os.version"));
  SHIPSET_TRY(out.os_features, members.texts("os.features"));
  SHIPSET_TRY(out.variant, members.text("variant"));
  return out;
}

Result<Descriptor> parse_descriptor(const Json& value, std::string_view document, std::string path) {
  SHIPSET_TRY(auto members, Members::of(value, document, std::move(path)));
  Descriptor out;
  SHIPSET_TRY(out.media_type, members.required_text("mediaType"));
  if (!good_media_type(out.media_type)) return members.error("mediaType", "is not a media type");
  SHIPSET_TRY(auto digest, members.required_text("digest"));
  auto parsed = Digest::parse(digest);
  if (!parsed) return members.error("digest", parsed.error().why.empty() ? parsed.error().what : parsed.error().why);
  out.digest = std::move(*parsed);
  SHIPSET_TRY(out.size, members.required_size("size"));
  SHIPSET_TRY(out.urls, members.texts("urls"));
  SHIPSET_TRY(out.annotations, members.text_map("annotations"));
  SHIPSET_CHECK(read_data(members, out));
  SHIPSET_TRY(out.artifact_type, members.text("artifactType"));
  if (members.find("platform")) {
    SHIPSET_TRY(auto inner, members.object("platform"));
    SHIPSET_TRY(out.platform, parse_platform(inner));
  }
  return out;
}

}  // namespace shipset::oci::detail

#include "tags_json.hpp"

#include "shipset/base/json.hpp"

namespace shipset::bindings {

std::string tags_json(const Matrix& matrix, const tags::Table& table, bool indented) {
  JsonWriter out(indented);
  out.begin_object().member("schema_version", 1).member("name", matrix.name).member("version", matrix.version);
  out.key("entries").begin_array();
  for (const auto& entry : table.entries) {
    const auto* variant = matrix.find(entry.variant);
    out.begin_object().member("repository", entry.repository).member("tag", entry.tag);
    out.member("reference", entry.familiar()).member("variant", entry.variant);
    out.member("active", variant == nullptr || variant->active).key("platforms").begin_array();
    for (const auto& platform : entry.platforms) out.value(platform.str());
    out.end_array().member("index", entry.platforms.empty() || entry.index);
    out.member("moves", to_string(entry.moves)).member("reason", entry.reason).end_object();
  }
  out.end_array().end_object();
  return out.take();
}

}  // namespace shipset::bindings

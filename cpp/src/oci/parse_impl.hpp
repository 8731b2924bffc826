// Typed access to the members of one JSON object of an OCI document. Errors have kind verify and name the document and
// the member. Null counts as absent for optional members, as Go's writers need. Private to the module.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "shipset/base/json.hpp"
#include "shipset/oci/types.hpp"

namespace shipset::oci::detail {

/// `what` of every error about a document.
Error document_error(std::string_view document, std::string_view member, std::string_view why);

class Members {
 public:
  /// `path` is the place of the object in the document, e.g. `layers[2].platform`; empty for the document itself.
  static Result<Members> of(const Json& value, std::string_view document, std::string path = {});

  /// The member, or nullptr when it is absent or null.
  [[nodiscard]] const Json* find(std::string_view name) const;
  [[nodiscard]] Result<std::string> required_text(std::string_view name) const;
  [[nodiscard]] Result<std::string> text(std::string_view name) const;  ///< absent: empty
  [[nodiscard]] Result<bool> flag(std::string_view name) const;         ///< absent: false
  [[nodiscard]] Result<std::uint64_t> required_size(std::string_view name) const;
  [[nodiscard]] Result<std::vector<std::string>> texts(std::string_view name) const;  ///< absent: empty
  [[nodiscard]] Result<std::map<std::string, std::string>> text_map(std::string_view name) const;
  /// Names of an object used as a set (`{"80/tcp":{}}`), sorted.
  [[nodiscard]] Result<std::vector<std::string>> names(std::string_view name) const;
  [[nodiscard]] Result<Members> object(std::string_view name) const;
  /// The array, or nullptr when it is absent or null; an error for any other type.
  [[nodiscard]] Result<const Json*> array(std::string_view name) const;
  [[nodiscard]] Error error(std::string_view name, std::string_view why) const;
  [[nodiscard]] std::string place(std::string_view name) const;
  [[nodiscard]] const Json& json() const { return *value_; }
  [[nodiscard]] std::string_view document() const { return document_; }

 private:
  Members(const Json* value, std::string_view document, std::string path)
      : value_(value), document_(document), path_(std::move(path)) {}
  const Json* value_;
  std::string_view document_;
  std::string path_;
};

Result<Descriptor> parse_descriptor(const Json& value, std::string_view document, std::string path);
Result<Platform> parse_platform(const Members& members);
/// architecture, os, os.version, os.features, variant: members of the open object.
void write_platform(JsonWriter& out, const Platform& platform);
/// Index::parse with another limit; for index.json of a layout, which may hold very many tags.
Result<Index> parse_index(const Json& json, std::string_view document);

}  // namespace shipset::oci::detail

// Shapes: tag rules in which only names of the version are left, e.g. "{version}-cuda", and what a version makes of
// them, forwards and backwards.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "shipset/model/template.hpp"
#include "shipset/model/version.hpp"

namespace shipset::tags {

class Shape {
 public:
  /// nullopt: the text is no template.
  static std::optional<Shape> parse(std::string_view text);

  /// The tag of this version; nullopt where the version lacks a part that the shape needs.
  [[nodiscard]] std::optional<std::string> write(const Version& version) const;
  /// The version whose tag this is; nullopt when there is none of the scheme.
  [[nodiscard]] std::optional<Version> read(std::string_view tag, VersionScheme scheme) const;
  /// Whether the shape holds a whole version, so that its tags can be read backwards.
  [[nodiscard]] bool readable(VersionScheme scheme) const;
  /// Bytes of literal text: how much of a tag is the rule's own.
  [[nodiscard]] std::size_t literal_bytes() const;
  /// How much of the version it names: 4 all, 3 patch, 2 minor, 1 major, 0 nothing.
  [[nodiscard]] int specificity() const;

  /// The usual form: literal text around one plain {version} or {version.plain}.
  struct Affixes {
    std::string prefix, suffix;
  };
  [[nodiscard]] std::optional<Affixes> affixes() const;

 private:
  explicit Shape(Template text) : template_(std::move(text)) {}
  Template template_;
};

}  // namespace shipset::tags

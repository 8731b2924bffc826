// The one description of the release file: sections, their keys, types, allowed values, defaults and documentation.
// The checker and the JSON Schema are both made from it, so they cannot disagree. Constant data.
// product.md §3.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace shipset::detail {

/// Settings that are inherited: release < axis values < include < variant < platform. `none`: every other key.
enum class Key : std::uint8_t {
  none,
  backend,
  builder,
  dockerfile,
  context,
  target,
  base,
  bases,
  args,
  platforms,
  labels,
  annotations,
  cache_from,
  cache_to,
  secrets,
  ssh,
  contexts,
  network,
  ulimits,
  no_cache,
  pull,
  rewrite_timestamp,
  output,
  allow_secret_args,
  hardware,
  native,
  prebuilt,
  attestations,
  repositories,
  tags,
  vars,
  ci,
  suffix,
  when,
  required,
  publish,
  count
};

enum class Shape : std::uint8_t {
  scalar,      ///< one value; with a section: or a table
  list,        ///< values; with a section: values or tables
  table,       ///< one section
  table_list,  ///< sections in a list
  map,         ///< free names → values
  table_map,   ///< free names → sections
  free,        ///< anything
};

enum class Leaf : std::uint8_t {
  string,
  boolean,
  integer,
  any,       ///< string, boolean or integer
  required,  ///< boolean or "if-present"
};

/// Which names a template or condition may use; each level adds to the one before, except `axis`.
enum class Names : std::uint8_t {
  literal,   ///< no template: the text is taken as it is
  axis,      ///< axis.* only
  input,     ///< versions.*, git.*, event.name, date, env.*
  version,   ///< and inputs.*, vars.*
  release,   ///< and version, version.*
  suffix,    ///< and variant, axis.*
  variant,   ///< and suffix
  platform,  ///< and platform, platform.*
};

/// What a text must look like besides its type.
enum class Format : std::uint8_t {
  none,
  not_empty,
  label,         ///< one line of printable text
  identifier,    ///< [A-Za-z_][A-Za-z0-9_-]*
  variant_name,  ///< [a-z0-9][a-z0-9._-]*
  axis_value,    ///< [A-Za-z0-9._-]*
  suffix,
  env_name,
  secret_env,
  secret_file,
  platform,
  base,         ///< image reference or variant:NAME
  native_base,  ///< image reference, oci:PATH or scratch
  repository,
  location,  ///< reference, oci:PATH or docker-archive:PATH
  hardware,
  tag,
  owner,
  mode,
  port,
  absolute_path,
  pattern,
  unset,
  version,
  size,     ///< 1.5 GiB
  percent,  ///< 10%
};

struct SectionSpec;

struct KeySpec {
  std::string_view name;
  std::string_view doc;
  Shape shape = Shape::scalar;
  Leaf leaf = Leaf::string;
  Names names = Names::literal;
  Format format = Format::none;
  std::string_view options;   ///< allowed texts, separated by `|`
  std::string_view fallback;  ///< default as people would write it; empty = none
  const SectionSpec* section = nullptr;
  Key key = Key::none;
  bool required = false;
  bool fixed = false;     ///< no conditional values: the shape of the release does not depend on inputs
  bool reserved = false;  ///< known, but not read by this version

  [[nodiscard]] constexpr KeySpec of(Leaf v) const { return with(&KeySpec::leaf, v); }
  [[nodiscard]] constexpr KeySpec in(Names v) const { return with(&KeySpec::names, v); }
  [[nodiscard]] constexpr KeySpec looks(Format v) const { return with(&KeySpec::format, v); }
  [[nodiscard]] constexpr KeySpec one_of(std::string_view v) const { return with(&KeySpec::options, v); }
  [[nodiscard]] constexpr KeySpec by_default(std::string_view v) const { return with(&KeySpec::fallback, v); }
  [[nodiscard]] constexpr KeySpec holds(const SectionSpec* v) const { return with(&KeySpec::section, v); }
  [[nodiscard]] constexpr KeySpec is(Key v) const { return with(&KeySpec::key, v); }
  [[nodiscard]] constexpr KeySpec must_be_set() const { return with(&KeySpec::required, true); }
  [[nodiscard]] constexpr KeySpec never_conditional() const { return with(&KeySpec::fixed, true); }
  [[nodiscard]] constexpr KeySpec not_read() const { return with(&KeySpec::reserved, true); }

 private:
  template <class T>
  [[nodiscard]] constexpr KeySpec with(T KeySpec::*member, T value) const {
    KeySpec out = *this;
    out.*member = value;
    return out;
  }
};

constexpr KeySpec of_shape(Shape shape, std::string_view name, std::string_view doc) {
  KeySpec out;
  out.name = name;
  out.doc = doc;
  out.shape = shape;
  return out;
}
constexpr KeySpec scalar(std::string_view name, std::string_view doc) {
  return of_shape(Shape::scalar, name, doc);
}
constexpr KeySpec list(std::string_view name, std::string_view doc) {
  return of_shape(Shape::list, name, doc);
}
constexpr KeySpec table(std::string_view name, std::string_view doc) {
  return of_shape(Shape::table, name, doc);
}
constexpr KeySpec table_list(std::string_view name, std::string_view doc) {
  return of_shape(Shape::table_list, name, doc);
}
constexpr KeySpec map(std::string_view name, std::string_view doc) {
  return of_shape(Shape::map, name, doc);
}
constexpr KeySpec table_map(std::string_view name, std::string_view doc) {
  return of_shape(Shape::table_map, name, doc);
}
constexpr KeySpec free_form(std::string_view name, std::string_view doc) {
  return of_shape(Shape::free, name, doc);
}

/// Several lists of keys as one.
template <std::size_t... N>
constexpr auto joined(const std::array<KeySpec, N>&... parts) {
  std::array<KeySpec, (N + ...)> out;
  std::size_t i = 0;
  const auto append = [&](const auto& part) {
    for (const auto& spec : part) out[i++] = spec;
  };
  (append(parts), ...);
  return out;
}

struct SectionSpec {
  std::string_view name;  ///< as in `$defs` of the schema
  std::string_view doc;
  std::span<const KeySpec> keys;
  const KeySpec* others = nullptr;      ///< value of every other key; null = other keys are errors
  Format others_format = Format::none;  ///< of the names of other keys
  [[nodiscard]] const KeySpec* find(std::string_view key) const noexcept;
};

/// The whole file.
const SectionSpec& release_file_description() noexcept;

/// What a variant may hold; axis values, `include` entries and platforms hold parts of it.
extern const SectionSpec variant_section;
extern const SectionSpec platform_section;
extern const SectionSpec build_section;
extern const SectionSpec tags_section;
extern const SectionSpec variant_tags_section;
extern const SectionSpec platform_tags_section;
extern const SectionSpec attestations_section;
extern const SectionSpec matrix_section;

}  // namespace shipset::detail

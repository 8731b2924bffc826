#include <filesystem>
#include <nlohmann/json.hpp>

#include "node_impl.hpp"
#include "pattern_impl.hpp"
#include "shipset/base/file.hpp"
#include "shipset/base/json.hpp"
#include "spec_helper.hpp"

using namespace spec_test;
using detail::Node;

namespace {

/// The part of JSON Schema 2020-12 that our schema uses, applied to a TOML tree. Unknown keywords fail the test.
class Validator {
 public:
  explicit Validator(Json schema) : root_(std::move(schema)) {}
  bool valid(const Node& node) { return valid(root_, node); }

 private:
  bool valid(const Json& schema, const Node& node) {
    bool good = true;
    for (const auto& [keyword, value] : schema.items()) good = keyword_holds(schema, keyword, value, node) && good;
    return good;
  }

  bool keyword_holds(const Json& schema, const std::string& keyword, const Json& value, const Node& node) {
    if (keyword == "$schema" || keyword == "$defs" || keyword == "title" || keyword == "description" ||
        keyword == "default")
      return true;
    if (keyword == "$ref") return valid(root_.at("$defs").at(value.get<std::string>().substr(8)), node);
    if (keyword == "type") return value.is_array() ? any_type(value, node) : has_type(value.get<std::string>(), node);
    if (keyword == "enum") return any(value, [&](const Json& one) { return node.is_string() && one == node.text; });
    if (keyword == "const") return node.is_string() && value == node.text;
    if (keyword == "pattern") return !node.is_string() || searches(value.get<std::string>(), node.text);
    if (keyword == "minLength") return node.text.size() >= value.get<std::size_t>();
    if (keyword == "minItems") return node.children.size() >= value.get<std::size_t>();
    if (keyword == "anyOf") return any(value, [&](const Json& one) { return valid(one, node); });
    if (keyword == "items") return all_children(node, [&](const Node& child) { return valid(value, child); });
    if (keyword == "propertyNames")
      return all_children(node, [&](const Node& child) {
        return searches(value.at("pattern").get<std::string>(), child.key) ||
               (schema.contains("properties") && schema.at("properties").contains(child.key));
      });
    if (keyword == "required")
      return std::all_of(value.begin(), value.end(),
                         [&](const Json& name) { return node.find(name.get<std::string>()) != nullptr; });
    if (keyword == "properties")
      return all_children(
          node, [&](const Node& child) { return !value.contains(child.key) || valid(value.at(child.key), child); });
    if (keyword == "additionalProperties")
      return all_children(node, [&](const Node& child) {
        if (schema.contains("properties") && schema.at("properties").contains(child.key)) return true;
        return value.is_boolean() ? value.get<bool>() : valid(value, child);
      });
    FAIL("the schema uses the keyword " << keyword);
    return false;
  }

  static bool has_type(const std::string& type, const Node& node) {
    if (type == "object") return node.is_table();
    if (type == "array") return node.is_array();
    if (type == "string") return node.is_string();
    if (type == "boolean") return node.is(Node::Type::boolean);
    return type == "integer" && node.is(Node::Type::integer);
  }
  static bool any_type(const Json& types, const Node& node) {
    return any(types, [&](const Json& type) { return has_type(type.get<std::string>(), node); });
  }
  /// Patterns of JSON Schema are not anchored.
  static bool searches(const std::string& pattern, const std::string& text) {
    if (pattern == "\\{") return text.find('{') != std::string::npos;
    const auto parsed = detail::Pattern::parse(pattern);
    REQUIRE(parsed.ok());
    REQUIRE(pattern.front() == '^');
    REQUIRE(pattern.back() == '$');
    return parsed->matches(text);
  }
  template <class F>
  static bool any(const Json& list, F holds) {
    return std::any_of(list.begin(), list.end(), holds);
  }
  template <class F>
  static bool all_children(const Node& node, F holds) {
    return std::all_of(node.children.begin(), node.children.end(), holds);
  }

  Json root_;
};

Node tree_of(const std::string& text) {
  auto node = detail::read_toml(text, "f.toml");
  REQUIRE(node.ok());
  return std::move(*node);
}

Validator validator() {
  auto schema = parse_json(release_file_schema(), "schema");
  REQUIRE(schema.ok());
  return Validator(std::move(*schema));
}

std::vector<std::filesystem::path> examples() {
  std::vector<std::filesystem::path> out;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(std::filesystem::path(SHIPSET_SOURCE_DIR) / "examples"))
    if (entry.path().filename() == "shipset.toml") out.push_back(entry.path());
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

TEST_CASE("schema, every example, is valid by it") {
  auto schema = validator();
  const auto files = examples();
  CHECK(files.size() >= 8);
  for (const auto& file : files) {
    INFO(file.string());
    CHECK(schema.valid(tree_of(*read_file(file, 1u << 20))));
  }
}

TEST_CASE("schema, what the checker refuses by shape, is not valid") {
  auto schema = validator();
  const std::string variant = "[[variant]]\nname = \"a\"\n";
  CHECK(schema.valid(tree_of(file_with(variant))));
  for (const std::string wrong : {"platfroms = []\n",
                                  "target = 1\n",
                                  "no_cache = \"yes\"\n",
                                  "backend = \"nativ\"\n",
                                  "args = []\n",
                                  "cache_from = \"x\"\n",
                                  "target = [{ when = \"a\", valu = \"b\" }]\n",
                                  "target = []\n",
                                  "secrets = [{ env = \"A\" }]\n",
                                  "secrets = [\"x\"]\n",
                                  "[attestations]\nstore = [\"x\"]\n",
                                  "[inputs.a]\ntype = \"bool\"\n",
                                  "[inputs.\"a b\"]\n",
                                  "[env]\nallow = [\"A B\"]\n",
                                  "[[gate]]\nname = \"x\"\n",
                                  "[[gate]]\nname = \"x\"\nat = \"x\"\n",
                                  "[tags]\nrules = [{ moves = \"never\" }]\n",
                                  "[tags]\nflavor = \"latest=true\"\n",
                                  "[signing]\n",
                                  "[matrix]\nname = \"x\"\n",
                                  "[release.x]\n",
                                  "[[variant]]\nname = \"A\"\n",
                                  "[[variant]]\nname = \"b\"\n[variant.platform.amd64]\n",
                                  "[[variant]]\nname = \"b\"\nrequired = \"maybe\"\n"}) {
    INFO(wrong);
    const std::string text = file_with(wrong + variant);
    CHECK_FALSE(schema.valid(tree_of(text)));
    CHECK_FALSE(problems_of(text).empty());
  }
}

TEST_CASE("schema, conditional values and templates, are valid where the checker takes them") {
  auto schema = validator();
  for (const std::string good :
       {"target = [{ when = \"true\", value = \"a\" }, { value = \"b\" }]\n", "no_cache = \"{inputs.x}\"\n",
        "backend = [{ when = \"true\", value = \"{vars.b}\" }]\n", "args = { A = [{ value = 1 }], B = true }\n",
        "cache_from = [\"a\", [{ when = \"true\", value = \"b\" }], { when = \"true\", value = \"c\" }]\n",
        "base = { image = \"a\" }\n", "base = [{ value = { image = \"a\", arg = \"B\" } }]\n",
        "builder = [{ when = \"true\", value = \"a\" }, { value = { driver = \"b\" } }]\n",
        "[build.native]\nlayers = [[{ when = \"true\", value = { from = \"a\" } }]]\n[vars]\nb = \"native\"\n"}) {
    INFO(good);
    const std::string text = file_with(good + (has(good, "[vars]") ? "" : "[vars]\nb = \"native\"\n") +
                                       "[inputs.x]\ntype = \"boolean\"\ndefault = true\n[[variant]]\nname = \"a\"\n");
    CHECK(schema.valid(tree_of(text)));
    CHECK(problems_of(text).empty());
  }
}

TEST_CASE("schema, itself, names its dialect and documents every key") {
  const auto schema = *parse_json(release_file_schema(), "schema");
  CHECK(schema.at("$schema") == "https://json-schema.org/draft/2020-12/schema");
  CHECK(schema.at("additionalProperties") == false);
  for (const auto& [name, section] : schema.at("$defs").items()) {
    INFO(name);
    CHECK_FALSE(section.at("description").get<std::string>().empty());
    if (!section.contains("properties")) continue;
    for (const auto& [key, value] : section.at("properties").items()) {
      INFO(key);
      CHECK(value.at("description").get<std::string>().size() > 5);
    }
  }
}

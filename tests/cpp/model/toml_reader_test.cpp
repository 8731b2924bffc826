#include <chrono>

#include "catch_shim.hpp"
#include "node_impl.hpp"

using namespace shipset;
using detail::Node;

namespace {

Node read(const std::string& text) {
  auto node = detail::read_toml(text, "f.toml");
  INFO((node ? std::string() : render(node.error())));
  REQUIRE(node.ok());
  return std::move(*node);
}

Problem problem_of(const std::string& text) {
  const auto node = detail::read_toml(text, "f.toml");
  REQUIRE_FALSE(node.ok());
  CHECK(node.error().kind == ErrorKind::spec);
  REQUIRE(node.error().problems.size() == 1);
  return node.error().problems[0];
}

}  // namespace

TEST_CASE("toml, keys and values, keep order of the file and their places") {
  Node root = read("z = 1\n[t]\nb = \"x\"\na = [true, 2.5]\n[[v]]\nk = 'lit'\n[[v]]\n[v.p.\"linux/arm64\"]\nq = 1\n");
  detail::link(root);
  REQUIRE(root.children.size() == 3);
  CHECK(root.children[0].key == "z");
  CHECK(root.children[1].key == "t");
  const Node& t = root.children[1];
  CHECK(t.children[0].key == "b");
  CHECK(t.children[0].key_at == detail::Place{3, 1});
  CHECK(t.children[0].at == detail::Place{3, 5});
  CHECK(t.children[0].plain);
  CHECK(t.children[1].children[0].is(Node::Type::boolean));
  CHECK(t.children[1].children[1].real == 2.5);
  const Node& second = root.children[2].children[1];
  CHECK(second.at.line == 7);
  CHECK(second.find("p")->find("linux/arm64")->find("q")->path() == "v[1].p.\"linux/arm64\".q");
}

TEST_CASE("toml, text with escapes, is not mapped to columns") {
  const Node root = read("a = \"x\\ty\"\nb = \"é\"\nc = \"\"\"\nmore\"\"\"\n");
  CHECK_FALSE(root.find("a")->plain);
  CHECK(root.find("a")->text == "x\ty");
  CHECK_FALSE(root.find("c")->plain);
}

TEST_CASE("toml, wrong syntax, is one problem with line and column") {
  const auto open = problem_of("a = 1\nb = [1,\n");
  CHECK(open.line >= 2);
  CHECK(open.column >= 1);
  const auto twice = problem_of("a = 1\na = 2\n");
  CHECK(twice.line == 2);
  CHECK_FALSE(problem_of("a = \"\xff\"\n").message.empty());
  CHECK_FALSE(problem_of("a = \"unclosed\n").message.empty());
  CHECK_FALSE(problem_of(std::string("a\0b = 1", 7)).message.empty());
}

TEST_CASE("toml, letters beyond ASCII, are content in strings and an error elsewhere") {
  const auto root = read("a = \"\"\"x\\\n  \u00e9\"\"\"\nb = '''\n\u00e9'''\n");
  CHECK(root.find("a")->text == "x\u00e9");
  CHECK(root.find("b")->text == "\u00e9");
  for (const char* text : {"[\u00e9]\n", "\u00e9 = 1\n", "a\u00e9 = 1\n", "a = 1 \u00e9\n", "a = [1,\u00e9]\n"})
    CHECK_FALSE(detail::read_toml(text, "f.toml").ok());
}

TEST_CASE("toml, hostile nesting and size, is refused without a crash") {
  CHECK_FALSE(problem_of("a = " + std::string(100'000, '[')).message.empty());
  std::string inline_tables = "a = ";
  for (int i = 0; i < 50'000; ++i) inline_tables += "{a=";
  CHECK_FALSE(problem_of(inline_tables).message.empty());
  std::string dotted = "a";
  for (int i = 0; i < 1'000'000; ++i) dotted += ".a";
  CHECK(problem_of(dotted + " = 1").message == "a key has more than 64 parts");
  CHECK(problem_of("[" + dotted + "]").message == "a key has more than 64 parts");
  std::string deep = "[a";
  for (int i = 0; i < 40; ++i) deep += ".a";
  deep += "]\nb";
  for (int i = 0; i < 40; ++i) deep += ".b";
  CHECK(problem_of(deep + " = 1").message == "tables and lists are nested more than 64 deep");
  std::string many = "a = [";
  for (int i = 0; i < 1'100'000; ++i) many += "1,";
  CHECK(problem_of(many + "]").message == "there are more than 1,000,000 values");
  CHECK(problem_of(std::string(11u << 20, '#')).message == "the file is larger than 10 MiB");
}

TEST_CASE("toml, ten megabytes of one comment or text, are read") {
  CHECK(read("# " + std::string(10'000'000, 'x') + "\na = 1\n").find("a")->number == 1);
  CHECK(read("a = \"" + std::string(5'000'000, '.') + "\"").find("a")->text.size() == 5'000'000);
}

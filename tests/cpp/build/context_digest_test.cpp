// Digest of a build context, and the rules of .dockerignore. The rows of rules were compared with fsutil's walk, which
// is what BuildKit's client does.
#include "shipset/build/context_digest.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <fstream>

#include "catch_shim.hpp"
#include "shipset/base/file.hpp"

using namespace shipset;
using namespace shipset::build;
namespace fs = std::filesystem;

namespace {

class Tree {
 public:
  Tree() : folder_(std::move(TempDirectory::create(fs::temp_directory_path(), "shipset-context-")).value()) {
    write("Dockerfile", "FROM scratch\n");
  }
  [[nodiscard]] fs::path root() const { return folder_.path() / "context"; }
  [[nodiscard]] fs::path outside(const std::string& name) const { return folder_.path() / name; }
  void write(const std::string& name, const std::string& text) const { put(root() / name, text); }
  static void put(const fs::path& path, const std::string& text) {
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
    fs::permissions(path, static_cast<fs::perms>(0644));
    fs::permissions(path.parent_path(), static_cast<fs::perms>(0755));
  }
  [[nodiscard]] Digest digest(const fs::path& dockerfile = "Dockerfile") const {
    auto out = context_digest(root(), root() / dockerfile);
    INFO((out ? std::string() : render(out.error())));
    REQUIRE(out.ok());
    return *out;
  }

 private:
  TempDirectory folder_;
};

IgnoreRules rules(const std::string& text) {
  auto out = IgnoreRules::parse(text, ".dockerignore");
  INFO(text);
  INFO((out ? std::string() : render(out.error())));
  REQUIRE(out.ok());
  return *out;
}

}  // namespace

TEST_CASE("ignore rules, patterns, exclude what BuildKit leaves out") {
  struct Row {
    std::string rules, path;
    bool out;
  };
  const Row rows[] = {
      {"a", "a", true},
      {"a", "a/b/c", true},
      {"a", "b/a", false},
      {"a", "ab", false},
      {"/a", "a", true},
      {"//a", "a", true},
      {"a/", "a", true},
      {"./a/../b/.", "b", true},
      {"../a", "a", false},
      {".", "a", false},
      {"/", "a", false},
      {"  a \t", "a", true},
      {"#a", "#a", false},
      {" #a", "#a", true},
      {"\xef\xbb\xbf"
       "a",
       "a", true},
      {"a\r\nb\r\n", "b", true},
      {"*", "a/b", true},
      {"*.md", "x.md", true},
      {"*.md", "d/x.md", false},
      {"*/*.md", "d/x.md", true},
      {"*/*.md", "d/e/x.md", false},
      {"?", "a", true},
      {"?", "ab", false},
      {"a?c", "a/c", false},
      {"**", "a/b", true},
      {"**/", "a/b", true},
      {"**/x", "x", true},
      {"**/x", "a/b/x", true},
      {"**/x", "ax", false},
      {"**x", "ax", true},
      {"**/*.md", "x.md", true},
      {"**/*.md", "a/b/x.md", true},
      {"a/**", "a", false},
      {"a/**", "a/b", true},
      {"a/**/b", "a/b", true},
      {"a/**/b", "a/x/y/b", true},
      {"a/**/b", "axb", false},
      {"a**", "abc/d", true},
      {"a**b", "axb", false},
      {"a**b", "ax/b", true},
      {"[ab]", "b", true},
      {"[^ab]", "b", false},
      {"[^ab]", "c", true},
      {"[!a]", "a", true},  // a "!" in a set is a character
      {"[a-c]x", "bx", true},
      {"a\\*", "a*", true},
      {"a\\*", "ab", false},
      {"\\d", "7", true},  // what BuildKit's regular expression makes of it
      {"a.b", "axb", false},
      {"a.b*", "axbc", false},
      {"a^b", "a^b", true},
      {"a^b*", "a^b", false},  // "^" is an anchor once there is a wildcard
      {"a+(b){c}$*", "a+(b){c}$x", true},
      {"a|b", "a|b", true},
      {"a|b", "a", false},
      {"a|b*", "axy", true},  // BuildKit's expression is ^a|b[^/]*$ here
      {"a|b*", "xb", true},
      {"a|b*", "xa", false},
      {"ä?", "äö", true},
      {"a\n!a", "a", false},
      {"!a\na", "a", true},
      {"*\n!a", "a", false},
      {"*\n!a", "a/b", false},
      {"a\n!a/b", "a", true},
      {"a\n!a/b", "a/b", false},
      {"a\n!a/b", "a/b/c", false},
      {"a\n!a/b", "a/c", true},
      {"a\n!a/b\na/b/c", "a/b/c", true},
      {"a\n!**/b", "a/b", false},
      {"a\n!*/b", "a/b", false},
      {"a\n!/a/b", "a/b", false},
      {"a\n! a/b", "a/b", false},
      {"*/f\n!x", "x/f", true},  // "!x" was not asked for the folder, so its entries do not know that it matched
      {"a/b\n!a", "a/b", true},
  };
  for (const auto& row : rows) {
    INFO(row.rules << " on " << row.path);
    CHECK(rules(row.rules).excludes(row.path) == row.out);
  }
  CHECK_FALSE(IgnoreRules().excludes("a"));
  CHECK_FALSE(rules("*").excludes("."));
  CHECK_FALSE(rules("*").excludes(""));
  CHECK(rules("a/b").excludes("./a//b/"));
}

TEST_CASE("ignore rules, wrong patterns, are refused with their line") {
  for (const auto* text : {"x\n!", "x\n! ", "x\n[a", "x\n[]", "x\na\\", "x\n[b-a]*", "x\n[a-]", "x\n!/", "x\n\\bq",
                           "x\n[[:alpha:]]", "x\na{2}*"}) {
    INFO(text);
    const auto out = IgnoreRules::parse(text, "dir/.dockerignore");
    REQUIRE_FALSE(out.ok());
    CHECK(out.error().kind == ErrorKind::spec);
    REQUIRE(out.error().problems.size() == 1);
    CHECK(out.error().problems[0].line == 2);
    CHECK(out.error().problems[0].file == "dir/.dockerignore");
  }
  CHECK_FALSE(IgnoreRules::parse(std::string(5'000, 'x'), "i").ok());
  CHECK_FALSE(IgnoreRules::parse(std::string((1u << 20) + 1, '\n'), "i").ok());
  std::string many;
  for (int i = 0; i < 10'001; ++i) many += "x\n";
  CHECK_FALSE(IgnoreRules::parse(many, "i").ok());
}

TEST_CASE("ignore rules, a pattern made to be slow, answers") {
  std::string pattern;
  for (int i = 0; i < 600; ++i) pattern += "*a";
  CHECK_FALSE(rules(pattern + "b").excludes(std::string(4'000, 'a')));
  CHECK(rules(pattern).excludes(std::string(4'000, 'a')));
}

TEST_CASE("context digest, same content elsewhere, is equal") {
  const auto fill = [](const Tree& tree) {
    tree.write("a/b", "1");
    tree.write("c", "2");
    fs::create_symlink("c", tree.root() / "link");
    fs::create_directories(tree.root() / "empty");
    fs::permissions(tree.root() / "empty", static_cast<fs::perms>(0755));
  };
  const Tree one, two;
  fill(one);
  fill(two);
  CHECK(one.digest() == two.digest());
  fs::last_write_time(two.root() / "c", fs::file_time_type::clock::now() - std::chrono::hours(5));
  CHECK(one.digest() == two.digest());
  // A fixed value: it may not depend on the machine.
  CHECK(one.digest().str() == "sha256:24f7d41a9bf8984be0723ae101ac150202bb3b0ba63612ceec4956d73ec6fb8a");
}

TEST_CASE("context digest, every change that BuildKit would see, changes it") {
  const Tree tree;
  tree.write("a", "1");
  tree.write("d/e", "1");
  fs::create_symlink("a", tree.root() / "link");
  auto before = tree.digest();
  const auto changed = [&] {
    const auto now = tree.digest();
    return std::exchange(before, now) != now;
  };
  tree.write("a", "2");
  CHECK(changed());
  fs::permissions(tree.root() / "a", static_cast<fs::perms>(0755));
  CHECK(changed());
  fs::permissions(tree.root() / "d", static_cast<fs::perms>(0700));
  CHECK(changed());
  fs::rename(tree.root() / "a", tree.root() / "b");
  CHECK(changed());
  fs::remove(tree.root() / "link");
  fs::create_symlink("b", tree.root() / "link");
  CHECK(changed());
  fs::create_directory(tree.root() / "new");
  CHECK(changed());
  REQUIRE(::mkfifo((tree.root() / "pipe").c_str(), 0644) == 0);
  CHECK(changed());
  tree.write("Dockerfile", "FROM scratch\nCOPY b /\n");
  CHECK(changed());
  tree.write(".shipset/work", "x");
  CHECK_FALSE(changed());
  tree.write("d/.shipset/work", "x");
  CHECK(changed());
}

TEST_CASE("context digest, a socket, counts and is not opened") {
  const Tree tree;
  const auto before = tree.digest();
  const auto path = (tree.root() / "s").string();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  REQUIRE(path.size() < sizeof address.sun_path);
  path.copy(address.sun_path, path.size());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  REQUIRE(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  CHECK(tree.digest() != before);
  ::close(fd);
}

TEST_CASE("context digest, excluded files, do not count") {
  const Tree tree;
  tree.write(".dockerignore", "*\n!src\nsrc/*.tmp\n");
  tree.write("src/a", "1");
  auto before = tree.digest();
  tree.write("big/x", "1");
  tree.write("src/a.tmp", "1");
  CHECK(tree.digest() == before);
  tree.write("src/b", "1");
  CHECK(tree.digest() != before);
  // The Dockerfile and the rules count, although they are excluded here.
  before = tree.digest();
  tree.write("Dockerfile", "FROM a\n");
  CHECK(tree.digest() != before);
  before = tree.digest();
  tree.write(".dockerignore", "*\n!src\nsrc/*.tmp\n# more\n");
  CHECK(tree.digest() != before);
}

TEST_CASE("context digest, an exception below an excluded folder, counts with the folder") {
  const Tree tree;
  tree.write(".dockerignore", "a\n!a/keep/me\n");
  tree.write("a/drop", "1");
  auto before = tree.digest();
  tree.write("a/drop", "2");
  tree.write("a/other/x", "2");
  CHECK(tree.digest() == before);
  tree.write("a/keep/me", "1");
  CHECK(tree.digest() != before);
  before = tree.digest();
  fs::permissions(tree.root() / "a/keep", static_cast<fs::perms>(0700));
  CHECK(tree.digest() != before);
}

TEST_CASE("context digest, ignore file beside the Dockerfile, comes first") {
  const Tree tree;
  tree.write(".dockerignore", "a\n");
  tree.write("docker/x.Dockerfile", "FROM scratch\n");
  tree.write("docker/x.Dockerfile.dockerignore", "b\n");
  tree.write("a", "1");
  tree.write("b", "1");
  const auto before = tree.digest("docker/x.Dockerfile");
  tree.write("b", "2");
  CHECK(tree.digest("docker/x.Dockerfile") == before);
  tree.write("a", "2");
  CHECK(tree.digest("docker/x.Dockerfile") != before);
  // A Dockerfile outside of the context counts by its content, not by its place.
  Tree::put(tree.outside("one/Dockerfile"), "FROM b\n");
  Tree::put(tree.outside("two/Dockerfile"), "FROM b\n");
  const auto one = context_digest(tree.root(), tree.outside("one/Dockerfile"));
  CHECK(*one == *context_digest(tree.root(), tree.outside("two/Dockerfile")));
  Tree::put(tree.outside("two/Dockerfile"), "FROM c\n");
  CHECK(*one != *context_digest(tree.root(), tree.outside("two/Dockerfile")));
}

TEST_CASE("context digest, what cannot be read, is named") {
  const Tree tree;
  auto missing = context_digest(tree.root(), tree.root() / "No");
  REQUIRE_FALSE(missing.ok());
  CHECK(missing.error().kind == ErrorKind::io);
  CHECK(missing.error().what.find("/No") != std::string::npos);
  missing = context_digest(tree.outside("nowhere"), tree.root() / "Dockerfile");
  REQUIRE_FALSE(missing.ok());
  CHECK(missing.error().kind == ErrorKind::io);
  tree.write("secret/x", "1");
  fs::permissions(tree.root() / "secret/x", fs::perms::none);
  if (::geteuid() != 0) {  // root reads everything
    const auto refused = context_digest(tree.root(), tree.root() / "Dockerfile");
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().what.find("secret/x") != std::string::npos);
  }
  CancelToken cancel;
  cancel.cancel();
  const auto stopped = context_digest(tree.root(), tree.root() / "Dockerfile", cancel);
  REQUIRE_FALSE(stopped.ok());
  CHECK(stopped.error().kind == ErrorKind::cancelled);
}

TEST_CASE("context, what the release writes itself, is no source of it") {
  const Tree tree;
  tree.write("a", "1");
  const std::vector<fs::path> results{tree.root() / "dist", tree.root() / "out" / "plan.json"};
  const auto digest = [&] {
    const auto out = context_digest(tree.root(), tree.root() / "Dockerfile", {}, results);
    REQUIRE(out.ok());
    return *out;
  };
  const auto before = digest();
  tree.write("dist/index.json", "{}");
  CHECK(digest() == before);
  tree.write("out/other", "x");
  const auto with_other = digest();
  CHECK(with_other != before);
  tree.write("out/plan.json", "{}");
  CHECK(digest() == with_other);
  CHECK(tree.digest() != with_other);
}

TEST_CASE("context, one that only lends files, needs no Dockerfile") {
  const Tree tree;
  tree.write("a", "1");
  const auto before = context_digest(tree.root(), {});
  REQUIRE(before.ok());
  tree.write("a", "2");
  CHECK(*context_digest(tree.root(), {}) != *before);
}

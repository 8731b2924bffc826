// What a Dockerfile asks for. The rows were compared with BuildKit 0.34.2's own converter.
#include "shipset/build/dockerfile.hpp"

#include <algorithm>

#include "catch_shim.hpp"

using namespace shipset;
using namespace shipset::build;

namespace {

DockerfileQuery query_for(OrderedMap args = {}, std::string target = {}) {
  DockerfileQuery query;
  query.args = std::move(args);
  query.target = std::move(target);
  query.platform = *Platform::parse("linux/arm64");
  query.build_platform = *Platform::parse("linux/amd64");
  return query;
}

Dockerfile parsed(const std::string& text) {
  INFO(text);
  auto out = Dockerfile::parse(text, "Dockerfile");
  INFO((out ? std::string() : render(out.error())));
  REQUIRE(out.ok());
  return std::move(*out);
}

DockerfileUses uses(const std::string& text, const DockerfileQuery& query = query_for()) {
  auto out = parsed(text).uses(query);
  INFO(text);
  INFO((out ? std::string() : render(out.error())));
  REQUIRE(out.ok());
  return std::move(*out);
}

// "reference platform" of every use, in order.
std::vector<std::string> images(const std::string& text, const DockerfileQuery& query = query_for()) {
  std::vector<std::string> out;
  for (const auto& use : uses(text, query).images) out.push_back(use.reference + " " + use.platform.str());
  return out;
}

using List = std::vector<std::string>;

Problem problem_of(const Error& error) {
  CHECK(error.kind == ErrorKind::spec);
  REQUIRE(error.problems.size() == 1);
  return error.problems.front();
}

Problem parse_problem(const std::string& text) {
  INFO(text);
  const auto out = Dockerfile::parse(text, "Dockerfile");
  REQUIRE_FALSE(out.ok());
  return problem_of(out.error());
}

Problem use_problem(const std::string& text, const DockerfileQuery& query = query_for()) {
  INFO(text);
  const auto out = parsed(text).uses(query);
  REQUIRE_FALSE(out.ok());
  return problem_of(out.error());
}

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("Dockerfile, one image, is found with its place") {
  const auto found = uses("# a comment\n\nFROM golang:1.24-bookworm AS Build\nRUN make\n");
  REQUIRE(found.images.size() == 1);
  CHECK(found.images[0] ==
        ImageUse{"golang:1.24-bookworm", *Platform::parse("linux/arm64"), false, "build", "FROM", 3});
  CHECK(found.declared_args.empty());
  CHECK(found.notes.empty());
}

TEST_CASE("Dockerfile, stages, have names in lower case and numbers") {
  const auto file = parsed("FROM a AS One\nFROM b\nFROM c as two\nFROM d AS one\n");
  CHECK(file.stages() == List{"one", "1", "two", "one"});
  CHECK(file.has_target("TWO"));
  CHECK_FALSE(file.has_target("1"));
  CHECK_FALSE(file.has_target("three"));
  CHECK_FALSE(file.has_target(""));
}

TEST_CASE("Dockerfile, stages that the target does not need, do not count") {
  const std::string text = R"(
FROM alpine AS unused
COPY --from=ubuntu /a /b
FROM golang AS build
ARG ONLY_BUILD
FROM debian AS tools
FROM scratch AS final
COPY --from=build /app /app
FROM busybox AS last
)";
  CHECK(images(text, query_for({}, "final")) == List{"golang linux/arm64"});
  CHECK(uses(text, query_for({}, "FINAL")).declared_args == std::set<std::string>{"ONLY_BUILD"});
  CHECK(images(text) == List{"busybox linux/arm64"});
}

TEST_CASE("Dockerfile, missing target, names the nearest and lists the stages") {
  const auto out = parsed("FROM a AS builder\nFROM b\n").uses(query_for({}, "bulider"));
  REQUIRE_FALSE(out.ok());
  CHECK(out.error().kind == ErrorKind::spec);
  CHECK(out.error().context.at("missing_target") == "bulider");
  CHECK(holds(out.error().why, "builder, 1"));
  CHECK(holds(out.error().hint, "builder"));
  const auto number = parsed("FROM a\nFROM b\n").uses(query_for({}, "1"));
  REQUIRE_FALSE(number.ok());
  CHECK(holds(number.error().hint, "names alone"));
}

TEST_CASE("Dockerfile, names of stages, follow the order of the file") {
  struct Row {
    std::string text;
    List images;
  };
  const Row rows[] = {
      {"FROM alpine AS alpine\nFROM alpine\n", {"alpine linux/arm64"}},
      // FROM sees the stage before it, COPY the last of the name.
      {"FROM a AS x\nFROM x AS y\nFROM b AS x\nFROM scratch\nCOPY --from=x / /\n", {"b linux/arm64"}},
      {"FROM a AS x\nFROM x AS y\nFROM b AS x\nFROM y\n", {"a linux/arm64"}},
      {"FROM base\nFROM a AS base\n", {"a linux/arm64"}},
      {"FROM one\nFROM two\nFROM scratch\nCOPY --from=0 / /\n", {"one linux/arm64"}},
      {"FROM one AS a\nFROM scratch\nCOPY --from=A / /\n", {"one linux/arm64"}},
      // A mount knows no numbers: this is an image of the name 0.
      {"FROM one\nFROM scratch\nRUN --mount=from=0,target=/x true\n", {"0 linux/arm64"}},
      {"FROM one AS a\nFROM scratch\nRUN --mount=type=cache,FROM=A,target=/x --mount=target=/y,from=two:2 true\n",
       {"one linux/arm64", "two:2 linux/arm64"}},
      {"FROM one AS a\nFROM scratch\nRUN --mount='type=bind,\"from=a\",target=/x' true\n", {"one linux/arm64"}},
      {"FROM scratch\nCOPY --from=scratch / /\nCOPY --from= / /\nRUN --mount=type=cache,target=/x true\n", {}},
      // A mount from nothing is a mount from scratch, which may be a stage.
      {"FROM one AS scratch\nFROM two\nRUN --mount=type=tmpfs,target=/x true\n",
       {"one linux/arm64", "two linux/arm64"}},
      {"FROM a\nCOPY --chown=1:1 --from=b --link / /\ncopy --from='c' / /\nCOPY --from=\\d / /\n",
       {"a linux/arm64", "b linux/arm64", "c linux/arm64", "d linux/arm64"}},
      {"FROM a\nCOPY -- --from=b /\n", {"a linux/arm64"}},
      {"FROM a\nADD --from=b / /\n", {"a linux/arm64"}},
  };
  for (const auto& row : rows) CHECK(images(row.text) == row.images);
}

TEST_CASE("Dockerfile, platforms, come from FROM or from the target") {
  struct Row {
    std::string from, image;
    bool of_builder;
  };
  const Row rows[] = {
      {"FROM --platform=$BUILDPLATFORM a", "a linux/amd64", true},
      {"FROM --platform=${BUILDPLATFORM:-linux/s390x} a", "a linux/amd64", true},
      {"FROM --platform=linux/${BUILDARCH} a", "a linux/amd64", true},
      {"FROM --platform=\"$BUILDOS/$BUILDARCH\" a", "a linux/amd64", true},
      {"ARG P=$BUILDPLATFORM\nFROM --platform=$P a", "a linux/amd64", true},
      {"ARG BUILDPLATFORM=linux/s390x\nFROM --platform=$BUILDPLATFORM a", "a linux/s390x", false},
      {"FROM --platform=linux/amd64 a", "a linux/amd64", false},
      {"FROM --platform=$TARGETPLATFORM a", "a linux/arm64", false},
      {"FROM --platform=linux/$TARGETARCH a", "a linux/arm64", false},
      {"FROM --platform=linux/arm/v6 a", "a linux/arm/v6", false},
      {"FROM a", "a linux/arm64", false},
      {"FROM --platform=$BUILDPLATFORM b AS b\nFROM a", "a linux/arm64", false},
  };
  for (const auto& row : rows) {
    const auto found = uses(row.from + "\n").images;
    REQUIRE(found.size() == 1);
    CHECK(found[0].reference + " " + found[0].platform.str() == row.image);
    CHECK(found[0].build_platform == row.of_builder);
  }
  // Images that are copied from are the target's, whatever the stage runs on.
  CHECK(images("FROM --platform=$BUILDPLATFORM a AS b\nCOPY --from=tool / /\nFROM b\n") ==
        List{"a linux/amd64", "tool linux/arm64"});
}

TEST_CASE("Dockerfile, arguments in FROM, are the global ones") {
  struct Row {
    std::string text;
    OrderedMap args;
    std::string image;
  };
  const Row rows[] = {
      {"ARG V=1\nFROM a:$V\n", {}, "a:1"},
      {"ARG V=1\nFROM a:$V\n", {{"V", "2"}}, "a:2"},
      {"ARG V=1\nFROM a:$V\n", {{"V", "2"}, {"V", "3"}}, "a:3"},
      {"ARG V\nFROM a:$V\n", {{"V", "2"}}, "a:2"},
      {"ARG V\nFROM a:${V:-5}\n", {}, "a:5"},
      // Given, but not declared: FROM does not see it.
      {"FROM a${V}\n", {{"V", "2"}}, "a"},
      // The platform arguments can be replaced without ARG.
      {"FROM a/$TARGETARCH\n", {{"TARGETARCH", "mips"}}, "a/mips"},
      {"FROM a:$BUILDOS-$BUILDARCH$BUILDVARIANT-$TARGETOS-$TARGETARCH$TARGETVARIANT\n",
       {},
       "a:linux-amd64-linux-arm64"},
      {"FROM a:$TARGETSTAGE\n", {}, "a:default"},
      {"FROM a:$TARGETSTAGE AS Last\n", {}, "a:last"},
      {"ARG A=x B=$A-y C=\"${B} z\"\nFROM a:$B\n", {}, "a:x-y"},
      {"ARG A=x B=$A-y\nFROM a:$B\n", {{"A", "q"}}, "a:q-y"},
      {"ARG V=1\nARG V=2\nFROM a:$V\n", {}, "a:2"},
      {"ARG V=1\nARG V\nFROM a:$V\n", {}, "a:1"},
      {"ARG REG=ghcr.io/o/\nFROM ${REG}a\n", {}, "ghcr.io/o/a"},
      {"ARG I='a:$1'\nFROM ${I%:*}\n", {}, "a"},
      {"arg V=1\nfrom \"a:$V\"\n", {}, "a:1"},
  };
  for (const auto& row : rows) {
    const auto found = uses(row.text, query_for(row.args)).images;
    INFO(row.text);
    REQUIRE(found.size() == 1);
    CHECK(found[0].reference == row.image);
  }
  const auto found = uses("ARG A\nFROM a AS b\nARG C=1 D\nFROM c\nARG E\nFROM b\nONBUILD ARG F\nENV G=1\n");
  CHECK(found.declared_args == std::set<std::string>{"A", "C", "D"});
}

TEST_CASE("Dockerfile, FROM without a name, says which argument is missing") {
  const auto missing = use_problem("ARG BASE\n\nFROM $BASE\n");
  CHECK(missing.line == 3);
  CHECK(missing.file == "Dockerfile");
  CHECK(holds(missing.message, "BASE"));
  CHECK(holds(missing.hint, "BASE has no default"));
  const auto late = use_problem("FROM a AS x\nARG VERSION=1\nFROM golang:$VERSION\n");
  CHECK(late.line == 3);
  CHECK(holds(late.message, "VERSION"));
  CHECK(holds(late.hint, "before the first FROM"));
  CHECK(holds(use_problem("ARG GO_VERSION=1\nFROM golang:$GO_VERSON\n").hint, "did you mean GO_VERSION?"));
  CHECK(holds(use_problem("FROM --platform=$P a\n").message, "P has no value"));
  CHECK(use_problem("FROM --platform=linux/x/y/z a\n").line == 1);
  CHECK(use_problem("FROM a AS b\nFROM Upper\nFROM b\n").line == 2);
  CHECK(use_problem("FROM ${A:?unset}\n").line == 1);
  CHECK(holds(use_problem("ARG A=${B:?needed}\nFROM a\n").message, "B: needed"));
}

TEST_CASE("Dockerfile, contexts, replace images and stages") {
  auto query = query_for();
  query.contexts = {"alpine", "Lib", "ghcr.io/o/tool:1", "armed::linux/arm64", "foreign::linux/amd64"};
  CHECK(images("FROM alpine:latest\n", query).empty());
  CHECK(images("FROM docker.io/library/alpine\n", query).empty());
  CHECK(images("FROM alpine:3\n", query) == List{"alpine:3 linux/arm64"});
  CHECK(images("FROM a\nCOPY --from=ghcr.io/o/tool:1 / /\n", query) == List{"a linux/arm64"});
  CHECK(images("FROM armed\n", query).empty());
  CHECK(images("FROM foreign\n", query) == List{"foreign linux/arm64"});
  query.contexts = {"base"};
  CHECK(images("FROM a AS base\nFROM base\n", query).empty());
  CHECK(images("FROM x\nCOPY --from=base / /\n", query) == List{"x linux/arm64"});
  query.contexts = {"scratch", "context"};
  CHECK(images("FROM scratch\nFROM context\n", query) == List{"context linux/arm64"});
}

TEST_CASE("Dockerfile, triggers, count where they run") {
  const std::string text =
      "FROM a AS base\nONBUILD COPY --from=tool /t /t\nONBUILD ARG LATE=1\nONBUILD RUN --mount=from=m,target=/m true\n";
  CHECK(images(text) == List{"a linux/arm64"});
  const auto found = uses(text + "FROM base AS next\n");
  REQUIRE(found.images.size() == 3);
  CHECK(found.images[1] == ImageUse{"tool", *Platform::parse("linux/arm64"), false, "next", "ONBUILD COPY --from", 2});
  CHECK(found.images[2].instruction == "ONBUILD RUN --mount");
  CHECK(found.declared_args == std::set<std::string>{"LATE"});
  // They do not come along twice.
  CHECK(images(text + "FROM base AS next\nFROM next\n").size() == 3);
  CHECK(parse_problem("FROM a\nONBUILD ONBUILD RUN x\n").line == 2);
  CHECK(parse_problem("FROM a\nONBUILD FROM x\n").line == 2);
  CHECK(parse_problem("FROM a\nONBUILD\n").line == 2);
}

TEST_CASE("Dockerfile, a stage that is used too early, is refused") {
  CHECK(use_problem("FROM a AS x\nCOPY --from=y / /\nFROM b AS y\nFROM x\n").line == 1);
  CHECK(use_problem("FROM a AS x\nCOPY --from=x / /\n").line == 1);
  CHECK(holds(use_problem("FROM a\nCOPY --from=7 / /\n").message, "--from=7"));
  CHECK(holds(use_problem("FROM a\nCOPY --from=-1 / /\n").hint, "0 to 0"));
}

TEST_CASE("Dockerfile, variables where none are expanded, are told") {
  const auto found = uses("ARG X=a\nFROM a\nRUN true\nCOPY --from=$X / /\n");
  REQUIRE(found.notes.size() == 1);
  CHECK(holds(found.notes[0], "line 4"));
  CHECK(uses("FROM a AS x\nCOPY --from=$X / /\nFROM b\n").notes.empty());
  CHECK(parse_problem("FROM a\nRUN --mount=from=$X,target=/x true\n").line == 2);
}

TEST_CASE("Dockerfile, predefined arguments, are known") {
  for (const auto* name : {"HTTP_PROXY", "https_proxy", "No_Proxy", "FTP_PROXY", "all_proxy", "BUILDKIT_INLINE_CACHE",
                           "BUILDKIT_SYNTAX", "SOURCE_DATE_EPOCH", "TARGETPLATFORM", "BUILDVARIANT", "TARGETSTAGE"})
    CHECK(is_predefined_arg(name));
  for (const auto* name : {"", "PROXY", "VERSION", "source_date_epoch", "BUILDKIT", "targetos"})
    CHECK_FALSE(is_predefined_arg(name));
}

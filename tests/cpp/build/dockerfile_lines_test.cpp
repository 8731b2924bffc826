// Lines of a Dockerfile: what is an instruction, and what only looks like one.
#include "catch_shim.hpp"
#include "shipset/build/dockerfile.hpp"

using namespace shipset;
using namespace shipset::build;

namespace {

using List = std::vector<std::string>;

// Bases of all stages in order, or the message of the problem.
List bases(const std::string& text) {
  const auto file = Dockerfile::parse(text, "Dockerfile");
  if (!file) return {"line " + std::to_string(file.error().problems.at(0).line)};
  List out;
  DockerfileQuery query;
  query.platform = query.build_platform = *Platform::parse("linux/amd64");
  const auto found = file->uses(query);
  if (!found) return {"uses line " + std::to_string(found.error().problems.at(0).line)};
  for (const auto& use : found->images) out.push_back(use.reference);
  return out;
}

std::string message(const std::string& text) {
  const auto file = Dockerfile::parse(text, "Dockerfile");
  REQUIRE_FALSE(file.ok());
  CHECK(file.error().kind == ErrorKind::spec);
  REQUIRE(file.error().problems.size() == 1);
  return file.error().problems[0].message;
}

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("Dockerfile lines, continuation, joins what belongs together") {
  struct Row {
    std::string text;
    List bases;
  };
  const Row rows[] = {
      {"FROM \\\n  a\n", {"a"}},
      {"FROM\\\n a\n", {"a"}},
      {"FR\\\nOM a\n", {"a"}},
      {"FROM a\nRUN x \\\n# FROM c\n\n  \t\n  # FROM d\n  y\n", {"a"}},
      {"FROM a\nRUN x \\\nFROM b\n", {"a"}},
      {"FROM a\nRUN x \\ \t\nFROM b\n", {"a"}},
      {"FROM a\nRUN x \\\r\nFROM b\r\n", {"a"}},
      // An escaped escape is none, neither are three of them.
      {"FROM a\nRUN x \\\\\nFROM b\n", {"b"}},
      {"FROM a\nRUN x \\\\\\\nFROM b\n", {"b"}},
      {"FROM a\nRUN x\\y\nFROM b\n", {"b"}},
      {"\\\nFROM a\n", {"a"}},
      {"FROM a \\\n", {"a"}},
      {"FROM a \\", {"a"}},
      {"# FROM x \\\nFROM a\n", {"a"}},
      {"  \tFROM a\r\n\r\n  # x\r\n", {"a"}},
      {"\xef\xbb\xbf# escape=`\nFROM `\na\n", {"a"}},
      {"\xef\xbb\xbf"
       "FROM a",
       {"a"}},
      {"\u00a0FROM a\n\u2003# FROM b\n", {"a"}},
      {"FROM a\nRUN x # FROM b \\\n y\n", {"a"}},
  };
  for (const auto& row : rows) {
    INFO(row.text);
    CHECK(bases(row.text) == row.bases);
  }
}

TEST_CASE("Dockerfile lines, directives, count at the very top alone") {
  struct Row {
    std::string text;
    List bases;
  };
  const Row rows[] = {
      {"# escape=`\nFROM a\nRUN x `\nFROM b\n", {"a"}},
      {"#  ESCAPE = `  \nFROM a\nRUN x `\nFROM b\n", {"a"}},
      {"  # escape=`\nFROM a\nRUN x `\nFROM b\n", {"a"}},
      {"# syntax=x/y\n# check=skip=all\n# escape=`\nFROM a\nRUN x `\nFROM b\n", {"a"}},
      {"# escape=`\nFROM a\nRUN x \\\nFROM b\n", {"b"}},
      {"\n# escape=`\nFROM a\nRUN x `\nFROM b\n", {"b"}},
      {"# other\n# escape=`\nFROM a\nRUN x `\nFROM b\n", {"b"}},
      {"# other=1\n# escape=`\nFROM a\nRUN x `\nFROM b\n", {"b"}},
      {"#!/bin/x\n# escape=`\nFROM a\nRUN x `\nFROM b\n", {"b"}},
      {"FROM a\n# escape=`\nRUN x `\nFROM b\n", {"b"}},
      {"# escape=x\nFROM a\n", {"line 1"}},
      {"# escape=`\n# escape=`\nFROM a\n", {"line 2"}},
      {"# escape=`\nARG V=1\nFROM a:`$V\n", {"uses line 3"}},
      {"# escape=`\nARG V=a`bc\nFROM $V\n", {"abc"}},
  };
  for (const auto& row : rows) {
    INFO(row.text);
    CHECK(bases(row.text) == row.bases);
  }
}

TEST_CASE("Dockerfile lines, syntax directive, is found") {
  const auto syntax = [](const std::string& text) {
    const auto file = Dockerfile::parse(text, "Dockerfile");
    REQUIRE(file.ok());
    return file->syntax().value_or("-");
  };
  CHECK(syntax("# syntax=docker/dockerfile:1\nFROM a\n") == "docker/dockerfile:1");
  CHECK(syntax("#SYNTAX = docker/dockerfile:1 with options\r\nFROM a\n") == "docker/dockerfile:1");
  CHECK(syntax("\xef\xbb\xbf# escape=`\n# syntax=x\nFROM a\n") == "x");
  CHECK(syntax("#!/usr/bin/env x\n# syntax=y\nFROM a\n") == "y");
  CHECK(syntax("# comment\n# syntax=x\nFROM a\n") == "-");
  CHECK(syntax("\n# syntax=x\nFROM a\n") == "-");
  CHECK(syntax("FROM a\n") == "-");
  // Another frontend may know more instructions.
  CHECK(Dockerfile::parse("# syntax=my/frontend\nFROM a\nMAGIC x\n", "D").ok());
}

TEST_CASE("Dockerfile lines, here-documents, hold no instructions") {
  struct Row {
    std::string text;
    List bases;
  };
  const Row rows[] = {
      {"FROM a\nRUN <<EOF\nFROM b\nEOF\n", {"a"}},
      {"FROM a\nRUN <<EOF cat\nFROM b\nEOF\nFROM c", {"c"}},
      {"FROM a\nRUN <<'EOF'\nFROM b\nEOF\n", {"a"}},
      {"FROM a\nRUN <<\"E F\"\nFROM b\nE F\n", {"a"}},
      {"FROM a\nRUN <<E\\F\nFROM b\nEF\n", {"a"}},
      {"FROM a\nRUN << EOF\nFROM b\nEOF\n", {"a"}},
      {"FROM a\nRUN <<-EOF\nFROM b\n\t\tEOF\n", {"a"}},
      {"FROM a\nRUN 3<<EOF x\nFROM b\nEOF\n", {"a"}},
      {"FROM a\nRUN <<$X\nFROM b\n$X\n", {"a"}},
      {"FROM a\nRUN <<EOF\r\nFROM b\r\nEOF\r\n", {"a"}},
      {"FROM a\nRUN \\\n  <<EOF\nFROM b \\\nEOF\nFROM c\n", {"c"}},
      {"FROM a\nCOPY <<A <<B /x/\nFROM b\nA\nFROM b\nB\nFROM c\n", {"c"}},
      {"FROM a\nADD <<EOF /x\nFROM b\nEOF\n", {"a"}},
      {"FROM a\nONBUILD RUN <<EOF\nFROM b\nEOF\n", {"a"}},
      {"FROM a\nCOPY --from=t <<EOF /x\nFROM b\nEOF\n", {"a", "t"}},
      // None of these opens one.
      {"FROM a\nCMD <<EOF\nFROM b\n", {"b"}},
      {"FROM a\nRUN [\"a\", \"<<EOF\"]\nFROM b\n", {"b"}},
      {"FROM a\nRUN cat <<<EOF\nFROM b\n", {"b"}},
      {"FROM a\nRUN x<<EOF\nFROM b\n", {"b"}},
      {"FROM a\nRUN echo $((1<<2))\nFROM b\n", {"b"}},
      {"FROM a\nRUN '<<EOF'\nFROM b\n", {"b"}},
      {"FROM a\nRUN echo 'it is <<EOF\nFROM b\n", {"b"}},
      {"FROM a\nRUN <<EOF${X:-y}\nFROM b\n", {"b"}},
      // This one does, which is why BuildKit refuses it.
      {"FROM a\nRUN echo $((1 << 2))\nFROM b\n", {"line 2"}},
      // A space behind the end mark, a tab before it without the dash, and quotes: not the end.
      {"FROM a\nRUN <<EOF\nEOF \n\tEOF\n'EOF'\nEOF\nFROM b\n", {"b"}},
      {"FROM a\nRUN <<EOF\nFROM b\n", {"line 2"}},
      {"FROM a\nRUN [\"a\", <<EOF]\nFROM b\nEOF]\n", {"a"}},
  };
  for (const auto& row : rows) {
    INFO(row.text);
    CHECK(bases(row.text) == row.bases);
  }
}

TEST_CASE("Dockerfile lines, what is no Dockerfile, is refused with its place") {
  CHECK(holds(message(""), "no instructions"));
  CHECK(holds(message("# only\n\n"), "no instructions"));
  CHECK(holds(message("ARG A\n"), "no stage"));
  CHECK(holds(message("RUN x\nFROM a\n"), "before the first FROM"));
  CHECK(holds(message("FROM\n"), "FROM"));
  CHECK(holds(message("FROM a b\n"), "FROM"));
  CHECK(holds(message("FROM a # base\n"), "FROM"));
  CHECK(holds(message("FROM a AS 1x\n"), "1x"));
  CHECK(holds(message("FROM --platfrom=x a\n"), "--platfrom"));
  CHECK(holds(message("FROM a\nARG\n"), "ARG"));
  CHECK(holds(message("FROM a\nARG =1\n"), "without a name"));
  CHECK(holds(message("FROM a\nRUN --mount=\"a\"b true\nRUN --mount=a\\\"b true\n"), "quotes"));
  const auto misspelt = Dockerfile::parse("FROM a\n\nCOYP x y\n", "sub/Dockerfile");
  REQUIRE_FALSE(misspelt.ok());
  CHECK(misspelt.error().problems[0].line == 3);
  CHECK(holds(misspelt.error().problems[0].hint, "COPY"));
  CHECK(holds(render(misspelt.error()), "sub/Dockerfile:3: error: "));
}

TEST_CASE("Dockerfile lines, text of a line, is given without its end") {
  const auto file = Dockerfile::parse("FROM a\r\n  RUN x\n\nUSER y", "D");
  REQUIRE(file.ok());
  CHECK(file->line(1) == "FROM a");
  CHECK(file->line(2) == "  RUN x");
  CHECK(file->line(3).empty());
  CHECK(file->line(4) == "USER y");
  CHECK(file->line(5).empty());
  CHECK(file->line(0).empty());
  CHECK(file->line(-1).empty());
}

TEST_CASE("Dockerfile lines, hostile files, end at limits") {
  CHECK(holds(message(std::string((1u << 20) + 1, '\n')), "more than 1"));
  CHECK(holds(message("FROM a\nRUN " + std::string(70'000, 'x') + "\n"), "65535"));
  CHECK(holds(message(std::string(100'001, '\n')), "lines"));
  std::string stages;
  for (int i = 0; i < 2'001; ++i) stages += "FROM a\n";
  CHECK(holds(message(stages), "stages"));
  std::string args;
  for (int i = 0; i < 2'001; ++i) args += "ARG a b c d e f g h i j k\n";
  CHECK(holds(message(args + "FROM a\n"), "arguments"));
  std::string mounts = "FROM a\n";
  for (int i = 0; i < 20'001; ++i) mounts += "COPY --from=b / /\n";
  CHECK(holds(message(mounts), "uses"));
  // Many stages that run many triggers.
  std::string triggers = "FROM a AS b\n";
  for (int i = 0; i < 1'000; ++i) triggers += "ONBUILD COPY --from=t / /\n";
  for (int i = 0; i < 1'000; ++i) triggers += "FROM b AS c" + std::to_string(i) + "\n";
  triggers += "FROM scratch\n";
  for (int i = 0; i < 1'000; ++i) triggers += "COPY --from=c" + std::to_string(i) + " / /\n";
  CHECK(bases(triggers) == List{"uses line 2"});
}

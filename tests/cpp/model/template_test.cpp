#include "shipset/model/template.hpp"

#include <random>

#include "catch_shim.hpp"
#include "scope_fixture.hpp"

using namespace shipset;
using namespace std::string_literals;

namespace {

// 2026-01-09 12:03:04 UTC, a Friday.
constexpr std::int64_t moment = 1767960184;

MapScope scope() {
  return MapScope({{"inputs.release_tag", "v1.2.3"s},
                   {"inputs.push_latest", true},
                   {"inputs.count", std::int64_t{12}},
                   {"suffix", "cuda"s},
                   {"vars.empty", ""s},
                   {"vars.long-name", "x"s},
                   {"vars.text", "Füße & Co."s},
                   {"git.sha", "0123456789abcdef0123456789abcdef01234567"s},
                   {"git.branch", "feature/A_b"s},
                   {"git.tag", Value()},
                   {"version", "v1.2.3"s},
                   {"version.major", "1"s},
                   {"date", moment}});
}

std::string evaluated(std::string_view text) {
  auto parsed = Template::parse(text);
  if (!parsed) return "syntax: " + parsed.error().what;
  auto out = parsed->evaluate(scope());
  return out ? *out : "error: " + out.error().what;
}

std::string offset_of(const Error& error) {
  const auto found = error.context.find("offset");
  return found == error.context.end() ? "" : found->second;
}

}  // namespace

TEST_CASE("template, names and literals, are put together") {
  CHECK(evaluated("") == "");
  CHECK(evaluated("plain") == "plain");
  CHECK(evaluated("{version}") == "v1.2.3");
  CHECK(evaluated("a{version}b{suffix}c") == "av1.2.3bcudac");
  CHECK(evaluated("{inputs.push_latest}/{inputs.count}") == "true/12");
  CHECK(evaluated("{vars.long-name}") == "x");
  CHECK(evaluated("[{vars.empty}]") == "[]");
}

TEST_CASE("template, doubled braces, stand for braces") {
  CHECK(evaluated("{{}}") == "{}");
  CHECK(evaluated("{{version}}") == "{version}");
  CHECK(evaluated("{{{version}}}") == "{v1.2.3}");
  CHECK(evaluated("a}}b{{c") == "a}b{c");
}

TEST_CASE("template, dashes, appear only where the value is not empty") {
  CHECK(evaluated("{version}{-suffix}") == "v1.2.3-cuda");
  CHECK(evaluated("{version}{-vars.empty}") == "v1.2.3");
  CHECK(evaluated("{version}{-git.tag}") == "v1.2.3");
  CHECK(evaluated("{suffix-}{version}") == "cuda-v1.2.3");
  CHECK(evaluated("{git.tag-}{version}") == "v1.2.3");
  CHECK(evaluated("a{-suffix-}b") == "a-cuda-b");
  CHECK(evaluated("a{-vars.empty-}b") == "ab");
  CHECK(evaluated("{-git.sha:7}") == "-0123456");
  CHECK(evaluated("{git.sha:7-}x") == "0123456-x");
}

TEST_CASE("template, filters, shorten, slug and format dates") {
  CHECK(evaluated("{git.sha:12}") == "0123456789ab");
  CHECK(evaluated("{suffix:99}") == "cuda");
  CHECK(evaluated("{git.branch|slug}") == "feature-a-b");
  CHECK(evaluated("{git.branch|slug:7}") == "feature");
  CHECK(evaluated("{vars.text:3}") == "Füß");
  CHECK(evaluated("{vars.text|slug}") == "f-e-co");
  CHECK(evaluated("{date}") == "2026-01-09");
  CHECK(evaluated("{date:%Y%m%d}") == "20260109");
  CHECK(evaluated("{date:%Y-%m-%dT%H:%M:%SZ}") == "2026-01-09T12:03:04Z");
  CHECK(evaluated("{date:%F %T|slug}") == "2026-01-09-12-03-04");
  CHECK(evaluated("{date:%a %A %b %B %j %u %w %y %C %I %p %e %G-W%V %s %z %Z %R %D %%}") ==
        "Fri Friday Jan January 009 5 5 26 20 12 PM  9 2026-W02 1767960184 +0000 UTC 12:03 01/09/26 %");
  CHECK(evaluated("{date:4}") == "2026");
  CHECK(evaluated("{inputs.count:%Y}") == "1970");
}

TEST_CASE("template, dates around turns of the year, keep the calendar") {
  const auto on = [](std::int64_t unix_s, std::string_view format) {
    return *Template::parse("{date:" + std::string(format) + "}")->evaluate(MapScope({{"date", unix_s}}));
  };
  CHECK(on(0, "%F %T %j") == "1970-01-01 00:00:00 001");
  CHECK(on(-1, "%F %T %j") == "1969-12-31 23:59:59 365");
  CHECK(on(951782400, "%F %j") == "2000-02-29 060");
  CHECK(on(1735603200, "%F %j %G-W%V") == "2024-12-31 366 2025-W01");
  CHECK(on(1609459200, "%F %G-W%V") == "2021-01-01 2020-W53");
  CHECK(on(253402300799, "%F") == "9999-12-31");
  CHECK(on(-62167219200, "%F") == "0000-01-01");
  CHECK_FALSE(Template::parse("{date:%Y}")->evaluate(MapScope({{"date", std::int64_t{253402300800}}})).ok());
}

TEST_CASE("template, errors of syntax, name their place") {
  struct Row {
    std::string_view text;
    std::string_view offset;
    std::string_view what;
  };
  const Row rows[] = {
      {"ab{version", "2", "without"},
      {"ab}c", "2", "without"},
      {"{version{suffix}}", "0", "without"},
      {"{}", "0", "no name"},
      {"x{-}", "1", "no name"},
      {"{a b}", "0", "not a name"},
      {"{1x}", "0", "not a name"},
      {"{a..b}", "0", "not a name"},
      {"{x-:12}", "0", "not a name"},
      {"{git.sha:}", "8", "neither"},
      {"{git.sha:0}", "8", "neither"},
      {"{git.sha:99999}", "8", "neither"},
      {"{git.sha:x}", "8", "neither"},
      {"{-git.sha|slog}", "9", "unknown filter"},
      {"{date:%Q}", "5", "cannot be used"},
      {"{date:%Y%}", "5", "cannot be used"},
      {"{a\n}", "0", "not a name"},
      {"{.a}", "0", "not a name"},
  };
  for (const auto& row : rows) {
    INFO(row.text);
    const auto parsed = Template::parse(row.text);
    REQUIRE_FALSE(parsed.ok());
    CHECK(parsed.error().kind == ErrorKind::spec);
    CHECK(offset_of(parsed.error()) == row.offset);
    CHECK(parsed.error().what.find(row.what) != std::string::npos);
  }
  CHECK(Template::parse("{git.sha|slog}").error().hint == "did you mean \"|slug\"?");
  CHECK_FALSE(Template::parse(std::string(70000, 'x')).ok());
}

TEST_CASE("template, unknown name, hints at the nearest one") {
  const auto error = Template::parse("v{inputs.relase_tag}")->evaluate(scope()).error();
  CHECK(error.kind == ErrorKind::spec);
  CHECK(error.what == "unknown name \"inputs.relase_tag\"");
  CHECK(error.hint == "did you mean \"inputs.release_tag\"?");
  CHECK(offset_of(error) == "1");
  CHECK(error.context.at("name") == "inputs.relase_tag");
  CHECK(Template::parse("{release_tag}")->evaluate(scope()).error().hint == "did you mean \"inputs.release_tag\"?");
}

TEST_CASE("template, name without value, is an error unless it has a dash") {
  const auto error = Template::parse("x{git.tag}")->evaluate(scope()).error();
  CHECK(error.what == "\"git.tag\" has no value");
  CHECK(offset_of(error) == "1");
  CHECK(error.hint.find("{-git.tag}") != std::string::npos);
  CHECK_FALSE(Template::parse("{git.tag}")->evaluate_value(scope()).ok());
}

TEST_CASE("template, date format on text, is an error") {
  CHECK(evaluated("{suffix:%Y}").starts_with("error: \"suffix\" cannot be written as a date"));
  CHECK(evaluated("{date|slug:%Y}").starts_with("error:"));
}

TEST_CASE("template, exactly one bare name, keeps the type") {
  const auto value = [](std::string_view text) { return *Template::parse(text)->evaluate_value(scope()); };
  CHECK(value("{inputs.push_latest}") == Value(true));
  CHECK(value("{inputs.count}") == Value(std::int64_t{12}));
  CHECK(value("{inputs.count:1}") == Value("1"s));
  CHECK(value(" {inputs.push_latest}") == Value(" true"s));
  CHECK(value("{-inputs.count}") == Value("-12"s));
  CHECK(value("{date}") == Value("2026-01-09"s));
  CHECK(value("") == Value(""s));
}

TEST_CASE("template, evaluated partially, is a template again") {
  const auto is_version = +[](std::string_view name) { return name.starts_with("version"); };
  const auto partly = [&](std::string_view text) {
    return *Template::parse(text)->evaluate_partially(scope(), is_version);
  };
  CHECK(partly("{version}{-suffix}") == "{version}-cuda");
  CHECK(partly("{version}{-vars.empty}") == "{version}");
  CHECK(partly("latest{-suffix}") == "latest-cuda");
  CHECK(partly("{-version.major:2-}{{x}}") == "{-version.major:2-}{{x}}");
  CHECK(partly("{version|slug}") == "{version|slug}");
  const MapScope braces({{"a", "{version}"s}, {"version", "1"s}});
  const auto shape = *Template::parse("{a}{version}")->evaluate_partially(braces, is_version);
  CHECK(shape == "{{version}}{version}");
  CHECK(*Template::parse(shape)->evaluate(braces) == "{version}1");
}

TEST_CASE("template, static problems, list every name and filter that is wrong") {
  const auto problems = Template::parse("{nope} {version} {suffix:%Y} {git.tag:%Y} {vesion}")->problems(scope());
  REQUIRE(problems.size() == 3);
  CHECK(problems[0].offset == 0);
  CHECK(problems[1].offset == 17);
  CHECK(problems[1].message.find("date") != std::string::npos);
  CHECK(problems[2].hint == "did you mean \"version\"?");
  CHECK(Template::parse("{version}{-git.tag}")->problems(scope()).empty());
}

TEST_CASE("template, literal, is known as one") {
  CHECK(Template::parse("a{{b}}")->is_literal());
  CHECK(Template::parse("")->is_literal());
  CHECK_FALSE(Template::parse("{version}")->is_literal());
}

TEST_CASE("template, any bytes, parse or fail with an offset inside the text") {
  std::mt19937 random(7);
  constexpr std::string_view alphabet = "{}}{-:|%aYslug.9\xc3\n ";
  for (int i = 0; i < 20000; ++i) {
    std::string text;
    for (std::size_t n = random() % 12; n > 0; --n) text += alphabet[random() % alphabet.size()];
    const auto parsed = Template::parse(text);
    if (parsed) {
      static_cast<void>(parsed->evaluate(scope()));
      continue;
    }
    INFO(text);
    CHECK(std::stoul(offset_of(parsed.error())) <= text.size());
  }
}

TEST_CASE("template, escaped text, evaluates to itself") {
  std::mt19937 random(11);
  constexpr std::string_view alphabet = "{}ab-";
  for (int i = 0; i < 2000; ++i) {
    std::string text, escaped;
    for (std::size_t n = random() % 10; n > 0; --n) {
      const char c = alphabet[random() % alphabet.size()];
      text += c;
      escaped.append(c == '{' || c == '}' ? 2 : 1, c);
    }
    CHECK(evaluated(escaped) == text);
  }
}

TEST_CASE("slug, any text, has no dash at the ends and no runs of them") {
  CHECK(slug("Feature/ABC__def") == "feature-abc-def");
  CHECK(slug("--x--") == "x");
  CHECK(slug("...") == "");
  CHECK(slug("") == "");
}

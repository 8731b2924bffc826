#include "catch_shim.hpp"
#include "shipset/build/dockerfile.hpp"

using namespace shipset;
using namespace shipset::build;

namespace {

constexpr std::string_view text = R"(ARG V=1
FROM alpine AS base
RUN echo same
FROM base AS one
WORKDIR /app
RUN echo same
RUN echo ${V} \
    and more
FROM base AS two
RUN echo same
RUN echo same
COPY --from=one /app /app
RUN <<EOF
echo first
EOF
FROM scratch
COPY x /
)";

int line_of(const std::string& target, const std::string& step) {
  const auto file = Dockerfile::parse(text, "Dockerfile");
  REQUIRE(file.ok());
  DockerfileQuery query;
  query.target = target;
  return file->step_line(query, step);
}

}  // namespace

TEST_CASE("dockerfile steps, by stage and number, are found at their line") {
  CHECK(line_of("one", "[base 1/2] FROM docker.io/library/alpine@sha256:0") == 2);
  CHECK(line_of("one", "[base 2/2] RUN echo same") == 3);
  CHECK(line_of("one", "[one 1/3] WORKDIR /app") == 5);
  CHECK(line_of("one", "[one 2/3] RUN echo same") == 6);
  CHECK(line_of("two", "[two 1/4] RUN echo same") == 10);
  CHECK(line_of("two", "[two 2/4] RUN echo same") == 11);
  CHECK(line_of("two", "[two 3/4] COPY --from=one /app /app") == 12);
  CHECK(line_of("", "[stage-3 1/1] COPY x /") == 17);
}

TEST_CASE("dockerfile steps, shown with values of variables or as here-document, are found by number") {
  CHECK(line_of("one", "[one 3/3] RUN echo 1     and more") == 7);
  CHECK(line_of("two", "[two 4/4] RUN <<EOF (echo first)") == 13);
}

TEST_CASE("dockerfile steps, called after a stage that the target does not need, are those of its own stages") {
  CHECK(line_of("one", "[two 2/4] RUN echo same") == 6);
  CHECK(line_of("one", "[two 3/4] COPY --from=one /app /app") == 0);
}

TEST_CASE("dockerfile steps, that are none, have no line") {
  for (const auto* step : {"", "[", "[]", "[one]", "[one 3/2] RUN x", "[one x/y] RUN x", "RUN echo same",
                           "[one 99999999999999999999/1] RUN x", "[internal] load metadata", "[one 2/3] "}) {
    INFO(step);
    CHECK(line_of("one", step) == 0);
  }
}

TEST_CASE("dockerfile steps, lines of stages, are needed by those targets that reach them") {
  const auto file = Dockerfile::parse(text, "Dockerfile");
  REQUIRE(file.ok());
  DockerfileQuery query;
  query.target = "one";
  CHECK(file->needs_line(query, 1));
  CHECK(file->needs_line(query, 3));
  CHECK(file->needs_line(query, 8));
  CHECK_FALSE(file->needs_line(query, 10));
  query.target = "two";
  CHECK(file->needs_line(query, 6));
  CHECK_FALSE(file->needs_line(query, 17));
}

TEST_CASE("dockerfile steps, excerpt, has the line and its neighbours") {
  const auto file = Dockerfile::parse("FROM a\nRUN \x1b[31m\nRUN b\n", "Dockerfile");
  REQUIRE(file.ok());
  CHECK(file->excerpt(3) == " 1 |     FROM a\n 2 |     RUN \\x1b[31m\n 3 | >>> RUN b");
  CHECK(file->excerpt(0).empty());
  CHECK(file->excerpt(9).empty());
}

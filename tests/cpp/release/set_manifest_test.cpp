#include <nlohmann/json.hpp>

#include "set_fixture.hpp"
#include "shipset/base/json.hpp"

using namespace shipset;
using namespace shipset::release;

namespace {

oci::Descriptor described(const std::string& bytes) {
  return oci::describe(oci::media_type::index, bytes);
}

SetManifest small() {
  SetManifest set;
  set.name = "app";
  set.version = "1.0.0";
  set.scheme = "semver";
  set.repositories = {"docker.io/acme/app"};
  SetVariant variant{"cpu", "", "sha256:key", {"docker.io/acme/app"}, {}, described("index"), {}};
  SetImage image;
  image.platform = Platform::parse("linux/amd64").value();
  image.manifest = oci::describe(oci::media_type::manifest, "image");
  image.layers_bytes = 12;
  image.hardware = {"a :: b :: c"};
  image.attestations = {{"https://spdx.dev/Document", oci::describe(oci::media_type::manifest, "m"),
                         oci::describe(oci::media_type::in_toto, "s")}};
  variant.images.push_back(image);
  set.variants.push_back(variant);
  set.tags.push_back({"docker.io/acme/app", "1.0.0", "cpu", Moves::never, {}, described("index")});
  set.tags.push_back({"docker.io/acme/app", "amd", "cpu", Moves::forward, {image.platform}, image.manifest});
  set.gates.push_back({"tests", "staged", "pass", true, {"cpu"}, {"sha256:image"}, "sha256:result"});
  set.left_out.push_back({"musa", "inactive"});
  return set;
}

/// The document with one member put, or taken away.
std::string changed(const std::string& pointer, const std::optional<Json>& value) {
  Json json = parse_json(small().to_bytes(), "own").value();
  const Json::json_pointer at(pointer);
  if (value)
    json[at] = *value;
  else
    json.at(at.parent_pointer()).erase(at.back());
  return json.dump();
}

}  // namespace

TEST_CASE("set manifest, written and read, is the same value and the same bytes") {
  const SetManifest set = small();
  const std::string bytes = set.to_bytes();
  const auto back = SetManifest::parse(bytes, "the document");
  INFO((back.ok() ? std::string() : render(back.error())));
  REQUIRE(back.ok());
  CHECK(*back == set);
  CHECK(back->to_bytes() == bytes);
  CHECK(bytes == canonical_json(parse_json(bytes, "own").value()));
  CHECK(back->find("cpu") == &back->variants.front());
  CHECK(back->find("cuda") == nullptr);
}

TEST_CASE("set manifest, members of later versions, are passed over") {
  CHECK(SetManifest::parse(changed("/later", Json{{"x", 1}}), "d").ok());
  CHECK(SetManifest::parse(changed("/variants/0/later", Json("x")), "d").ok());
}

TEST_CASE("set manifest, broken or hostile documents, are refused and named") {
  const auto refused = [](const std::string& text, const std::string& word) {
    const auto read = SetManifest::parse(text, "the document");
    REQUIRE_FALSE(read.ok());
    INFO(render(read.error()));
    CHECK(read.error().kind == ErrorKind::verify);
    CHECK(render(read.error()).find(word) != std::string::npos);
  };
  refused("", "JSON");
  refused("[]", "kind");
  refused("null", "kind");
  refused(std::string(200'000, '['), "the document");
  refused("{\"a\":" + std::string(40, '[') + std::string(40, ']') + "}", "the document");
  refused("{\"kind\":\"shipset.set\",\"kind\":\"shipset.set\"}", "the document");
  refused(std::string(max_set_bytes + 1, ' '), "the document");
  refused(changed("/kind", Json("shipset.plan")), "another kind");
  refused(changed("/schema_version", Json(2)), "schema version");
  refused(changed("/schema_version", Json(-1)), "no size");
  refused(changed("/name", std::nullopt), "\"name\" is missing");
  refused(changed("/name", Json("")), "\"name\"");
  refused(changed("/variants", Json("x")), "\"variants\" is no list");
  refused(changed("/variants/0", Json(7)), "variants[0]");
  refused(changed("/variants/0/index/digest", Json("sha256:12")), "variants[0] > index");
  refused(changed("/variants/0/index/size", Json(-5)), "no size");
  refused(changed("/variants/0/index/size", Json(1.5)), "no size");
  refused(changed("/variants/0/images/0/platform", Json("a/b/c/d")), "no platform");
  refused(changed("/variants/0/images/0/hardware", Json{1}), "hardware");
  refused(changed("/variants/0/repositories", Json{"docker.io/other/app"}), "not one of the set");
  refused(changed("/repositories", Json{"../x"}), "no repository");
  refused(changed("/repositories", Json{"acme/app"}), "no repository");
  refused(changed("/tags/0/tag", Json("a b")), "no tag");
  refused(changed("/tags/0/tag", Json("amd")), "twice");
  refused(changed("/tags/0/variant", Json("none")), "not in the set");
  refused(changed("/gates/0/required", Json("yes")), "gates[0]");
  Json many = parse_json(small().to_bytes(), "own").value();
  many["variants"].push_back(many["variants"][0]);
  refused(many.dump(), "twice");
  for (int i = 0; i < 2'100; ++i) {
    many["variants"].push_back(many["variants"][0]);
    many["variants"].back()["name"] = "v" + std::to_string(i);
  }
  refused(many.dump(), "more variants");
}

TEST_CASE("set artifact, both forms, say the same and carry what they need") {
  const SetDocument document = make_set_document(small());
  const oci::Descriptor subject = described("index");
  const auto modern = set_artifact(document, &subject, false);
  const auto parsed = oci::Manifest::parse(modern.bytes, "m").value();
  CHECK(parsed.artifact_type == set_artifact_type);
  CHECK(parsed.config.digest == oci::empty_descriptor().digest);
  CHECK(parsed.subject->digest == subject.digest);
  CHECK(parsed.layers.at(0).media_type == set_media_type);
  CHECK(parsed.layers.at(0).digest == Digest::of(document.bytes));
  const auto legacy = set_artifact(document, &subject, true);
  const auto old = oci::Manifest::parse(legacy.bytes, "m").value();
  CHECK(old.artifact_type.empty());
  CHECK(old.config.media_type == oci::media_type::config);
  CHECK(old.config.digest == Digest::of(legacy.config_bytes));
  CHECK(old.annotations == parsed.annotations);
  CHECK_FALSE(oci::Manifest::parse(set_artifact(document, nullptr, false).bytes, "m")->subject);
  const auto note = set_note(modern.descriptor);
  REQUIRE(note);
  CHECK((note->name == "app" && note->version == "1.0.0" && note->generation == 1));
  CHECK(note->document == document.descriptor.digest);
  CHECK_FALSE(set_note(subject));
  oci::Descriptor odd = modern.descriptor;
  odd.annotations[std::string(set_generation_key)] = "99999999999999999999999";
  CHECK(set_note(odd)->generation == 0);
}

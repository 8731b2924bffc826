#include <functional>
#include <nlohmann/json.hpp>

#include "set_fixture.hpp"
#include "shipset/base/json.hpp"

using namespace shipset;
using namespace shipset::release;

namespace {

/// The same release file with a tag for the set manifest.
std::string with_set_tag() {
  std::string text = two_variants;
  text.insert(text.find("repositories ="), "set_tag = true\n");
  return text;
}

/// Puts another document in the place of the one on a variant's index, as a newer set manifest of the same release.
void publish(const Workspace& space, const std::string& tag, SetManifest set, std::uint64_t generation) {
  const auto store = open_layout(space, "dist", true);
  SetDocument document = make_set_document(std::move(set));
  document.generation = generation;
  const auto index = resolved(*store, tag);
  const auto artifact = set_artifact(document, &index, false);
  REQUIRE(store->put_blob(document.descriptor, *memory_source(document.bytes), {}, {}).ok());
  REQUIRE(store->put_manifest(artifact.descriptor, artifact.bytes).ok());
}

void flip_a_bit(std::string& bytes) {
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
}

void change_blob(const Workspace& space, const Digest& digest, const std::function<void(std::string&)>& change) {
  const auto file = blob_file(space, digest);
  auto bytes = read_file(file, 1 << 20).value();
  change(bytes);
  fs::remove(file);
  space.write(fs::relative(file, space.path()).string(), bytes);
}

}  // namespace

TEST_CASE("set, after a release, is found from every tag and digest and is whole") {
  const Workspace space(with_set_tag());
  const auto outcome = space.release();
  INFO((outcome.error ? render(*outcome.error) : std::string()));
  REQUIRE_FALSE(outcome.error);
  REQUIRE(outcome.report.set);
  const SetManifest set = released_set(space);
  CHECK(set.name == "app");
  CHECK(set.version == "v1.0.0");
  CHECK(set.repositories == std::vector<std::string>{"docker.io/acme/app"});
  REQUIRE(set.variants.size() == 2);
  CHECK(set.tags.size() == 4);
  CHECK(set.variants[0].images.size() == 2);
  CHECK(set.variants[0].images[0].attestations.size() == 2);
  CHECK(set.variants[0].images[0].layers_bytes > 0);
  const auto tags = space.tags();
  REQUIRE(tags.size() == 5);
  CHECK(set.variants[0].index.digest.str() == tags.at("v1.0.0"));
  CHECK(released_set(space, "v1.0.0-cuda") == set);
  for (const std::string name : {":v1.0.0", ":latest-cuda", ":v1.0.0.shipset"}) {
    const auto proven = verified(space.layout() + name, SetDemand::required);
    INFO(name << "\n" << findings(proven));
    CHECK(proven.ok());
    REQUIRE(proven.set);
    CHECK(proven.set->whole);
    CHECK((proven.set->variants == 2 && proven.set->tags == 4));
    CHECK(proven.set->document.digest == outcome.report.set->digest);
  }
  CHECK(verified(space.layout() + "@" + tags.at("v1.0.0-cuda"), SetDemand::required).set->whole);
}

TEST_CASE("set, the same release elsewhere and again, has the same bytes and writes nothing twice") {
  const Workspace space(with_set_tag());
  const auto first = space.release();
  REQUIRE_FALSE(first.error);
  Options options;
  options.destination = space.layout("other");
  options.parallel = 1;
  CHECK(space.release({}, options).report.set->digest == first.report.set->digest);
  CHECK(space.tags() == space.tags("other"));
  const auto again = space.release();
  CHECK(again.report.outcome == "nothing to do");
  CHECK_FALSE(again.report.set);
}

TEST_CASE("set, a former run died before it was published, is published by the next and by nobody again") {
  const Workspace space(with_set_tag());
  const auto first = space.release();
  REQUIRE_FALSE(first.error);
  const auto store = open_layout(space, "dist", true);
  const std::vector<SetPlace> places{{store.get(), {resolved(*store, "v1.0.0"), resolved(*store, "v1.0.0-cuda")}}};
  CHECK(list_set(places, "app", "v1.0.0")->size() == 3);
  CHECK(list_set(places, "app", "v1.0.0", Digest::of("other"))->empty());
  CHECK(list_set(places, "app", "v2")->empty());
  CHECK(remove_set(places, "app", "v1.0.0")->empty());
  CHECK(list_set(places, "app", "v1.0.0")->empty());
  CHECK(space.tags().size() == 4);
  const auto alone = verified(space.layout() + ":v1.0.0");
  CHECK(alone.ok());
  CHECK_FALSE(alone.set);
  CHECK(alone.notes.size() == 1);
  CHECK_FALSE(verified(space.layout() + ":v1.0.0", SetDemand::required).ok());
  const auto plan = space.plan();
  REQUIRE(plan.ok());
  CHECK(plan->set.due);
  CHECK_FALSE(plan->nothing_to_do());
  const auto second = execute(*plan, Goal::release);
  REQUIRE_FALSE(second.error);
  CHECK(second.report.set->digest == first.report.set->digest);
  CHECK(second.report.tags_moved() == 0);
  CHECK(verified(space.layout() + ":v1.0.0", SetDemand::required).set->whole);
  CHECK(space.plan()->nothing_to_do());
}

TEST_CASE("set, a variant comes to a version that is there, is listed by a newer set manifest on every variant") {
  const Workspace space;
  REQUIRE_FALSE(space.release().error);
  space.write("files/rocm/run", "rocm\n");
  space.write("shipset.toml",
              std::string(two_variants) + "[[variant]]\nname = \"rocm\"\nhardware = [\"a :: b :: c\"]\n");
  REQUIRE_FALSE(space.release().error);
  const auto store = open_layout(space);
  CHECK(find_sets(*store, resolved(*store, "v1.0.0").digest)->size() == 2);
  CHECK(newest_set(*store, "v1.0.0").generation == 2);
  CHECK(newest_set(*store, "v1.0.0-rocm").generation == 2);
  CHECK(released_set(space).variants.size() == 3);
  CHECK(released_set(space).variants.at(2).hardware == std::vector<std::string>{"a :: b :: c"});
  const auto proven = verified(space.layout() + ":v1.0.0", SetDemand::required);
  INFO(findings(proven));
  CHECK(proven.set->whole);
}

TEST_CASE("set, a newer release moves the moving tags, is a note for the older one") {
  const Workspace space;
  REQUIRE_FALSE(space.release().error);
  space.write("files/common/etc/os-release", "ID=new\n");
  REQUIRE_FALSE(space.release({{"version", "v1.1.0"}}).error);
  const auto older = verified(space.layout() + ":v1.0.0", SetDemand::required);
  INFO(findings(older));
  CHECK(older.ok());
  CHECK(older.set->whole);
  CHECK(older.notes.size() == 2);
  CHECK(older.set->tags == 2);
  CHECK(verified(space.layout() + ":latest").set->version == "v1.1.0");
}

TEST_CASE("set, two releases of the very same images, is the one that gave the tag") {
  std::string text = two_variants;
  text.insert(text.find("[tags]"), "[attestations]\nprovenance = \"none\"\n");
  const Workspace space(text);
  REQUIRE_FALSE(space.release().error);
  REQUIRE_FALSE(space.release({{"version", "v1.0.1"}}).error);
  CHECK(space.tags().at("v1.0.0") == space.tags().at("v1.0.1"));
  CHECK(verified(space.layout() + ":v1.0.0").set->version == "v1.0.0");
  CHECK(verified(space.layout() + ":v1.0.1").set->version == "v1.0.1");
  CHECK(verified(space.layout() + "@" + space.tags().at("v1.0.0")).set->version == "v1.0.1");
}

TEST_CASE("set, gates that a later run skips, keep their results") {
  const Workspace space(std::string(two_variants) + "[[gate]]\nname = \"look\"\nat = \"staged\"\nrun = [\"true\"]\n");
  const auto first = space.release();
  REQUIRE_FALSE(first.error);
  CHECK(released_set(space).gates.at(0).result == "pass");
  const auto store = open_layout(space, "dist", true);
  REQUIRE(store->remove_tag("latest").ok());
  const auto second = space.release();
  REQUIRE_FALSE(second.error);
  CHECK(second.report.gates.at(0).status == Status::skipped);
  CHECK(second.report.set->digest == first.report.set->digest);
}

TEST_CASE("set, each kind of damage, is found and named") {
  const Workspace space(with_set_tag());
  REQUIRE_FALSE(space.release().error);
  const SetManifest set = released_set(space);
  const auto& cuda = set.variants.at(1);
  const std::string from = space.layout() + ":v1.0.0";
  SECTION("a variant's index is gone while its tags stay") {
    fs::remove(blob_file(space, cuda.index.digest));
    CHECK(has(findings(verified(from, SetDemand::required)), "the index of this variant is not in"));
  }
  SECTION("a platform manifest of another variant is gone") {
    fs::remove(blob_file(space, cuda.images.at(1).manifest.digest));
    const auto found = findings(verified(from));
    CHECK(has(found, cuda.images.at(1).manifest.digest.str() + " set > cuda > linux/arm64"));
  }
  SECTION("a statement of another variant was changed") {
    change_blob(space, cuda.images.at(0).attestations.at(0).statement.digest, flip_a_bit);
    CHECK(has(findings(verified(from)), "set > cuda > linux/amd64 > https://spdx.dev/Document"));
  }
  SECTION("a layer of another variant is gone; from the set's own tag also one that was changed is found") {
    const auto store = open_layout(space);
    const auto bytes = store->manifest(cuda.images.at(0).manifest.digest).value();
    const auto layer = oci::Manifest::parse(bytes.bytes, "m")->layers.at(1);
    const auto file = blob_file(space, layer.digest);
    fs::rename(file, space.path("kept"));
    CHECK(has(findings(verified(from)), layer.digest.str() + " set > cuda > linux/amd64: a blob of"));
    fs::rename(space.path("kept"), file);
    change_blob(space, layer.digest, flip_a_bit);
    CHECK(verified(from).ok());
    CHECK(has(findings(verified(from + ".shipset")), layer.digest.str() + " set > cuda > index > linux/amd64"));
  }
  SECTION("an exact tag was exchanged, another is gone") {
    const auto store = open_layout(space, "dist", true);
    const auto cpu = resolved(*store, "v1.0.0");
    REQUIRE(store->put_tag("v1.0.0-cuda", cpu, {}).ok());
    CHECK(has(findings(verified(from)), "set > cuda > tag v1.0.0-cuda: the exact tag holds " + cpu.digest.str()));
    REQUIRE(store->remove_tag("v1.0.0-cuda").ok());
    CHECK(has(findings(verified(from, SetDemand::required)), "set > cuda > tag v1.0.0-cuda: the tag is not there"));
  }
  SECTION("the document was changed") {
    change_blob(space, make_set_document(set).descriptor.digest,
                [](std::string& bytes) { bytes[bytes.find("v1.0.0")] = 'w'; });
    const auto proven = verified(from);
    CHECK_FALSE(proven.ok());
    CHECK_FALSE(proven.set);
    CHECK(has(findings(proven), "set manifest of app v1.0.0"));
    CHECK_FALSE(verified(from + ".shipset").ok());
  }
  SECTION("the set manifest of another variant is gone") {
    const auto store = open_layout(space, "dist", true);
    REQUIRE(store->remove_manifest(newest_set(*store, "v1.0.0-cuda").artifact).value());
    CHECK(has(findings(verified(from)), "set > cuda: no set manifest of this release refers to this variant"));
  }
  SECTION("a variant lists another set than the others") {
    SetManifest other = set;
    other.gates.push_back({"invented", "staged", "pass", true, {}, {}, {}});
    publish(space, "v1.0.0-cuda", other, 2);
    CHECK(has(findings(verified(from)), "the newest set manifest that refers to this variant is another one"));
  }
  SECTION("a set of other images is attached to a variant") {
    SetManifest foreign = set;
    foreign.variants.erase(foreign.variants.begin());
    std::erase_if(foreign.tags, [](const SetTag& tag) { return tag.variant == "cpu"; });
    publish(space, "v1.0.0", foreign, 7);
    CHECK(has(findings(verified(from)), "its document is of another set"));
  }
  SECTION("the set manifest says another build key, another size, other platforms") {
    SetManifest wrong = set;
    wrong.variants[0].build_key = "sha256:other";
    wrong.variants[0].images[0].layers_bytes += 1;
    wrong.variants[0].images.pop_back();
    publish(space, "v1.0.0", wrong, 3);
    publish(space, "v1.0.0-cuda", wrong, 3);
    const auto found = findings(verified(from));
    CHECK(has(found, "its build key is sha256:"));
    CHECK(has(found, "its layers have "));
    CHECK(has(found, "the index holds an image that the set manifest does not list"));
  }
}

TEST_CASE("set, copied, verifies where it was copied to") {
  const Workspace space(with_set_tag());
  REQUIRE_FALSE(space.release().error);
  REQUIRE(copy(at(space.layout()), at(space.layout("all")), true, {}).ok());
  const auto all = verified(space.layout("all") + ":v1.0.0", SetDemand::required);
  INFO(findings(all));
  CHECK((all.ok() && all.set->whole));
  REQUIRE(copy(at(space.layout() + ":v1.0.0-cuda"), at(space.layout("one")), false, {}).ok());
  const auto one = verified(space.layout("one") + ":v1.0.0-cuda");
  INFO(findings(one));
  CHECK(one.ok());
  CHECK_FALSE(one.set->whole);
  CHECK(one.set->variants == 1);
  CHECK(one.notes.size() == 2);
  CHECK_FALSE(verified(space.layout("one") + ":v1.0.0-cuda", SetDemand::required).ok());
  CHECK_FALSE(verified(space.layout("one") + ":v1.0.0-cuda", SetDemand::ignored).set);
}

TEST_CASE("set, its tag is claimed by a rule, holds something else or cannot be one, stops the plan") {
  std::string text = with_set_tag();
  text.replace(text.find("latest{-suffix}"), 15, "{version}.shipset{-suffix}");
  const Workspace clash(text);
  const auto refused = clash.plan();
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().kind == ErrorKind::spec);
  CHECK(has(render(refused.error()), "which is the tag of the set manifest"));
  CHECK_FALSE(clash.plan({{"version", "1.0.0+build"}}).ok());
  const Workspace space(with_set_tag());
  REQUIRE_FALSE(space.release().error);
  const auto store = open_layout(space, "dist", true);
  REQUIRE(store->put_tag("v1.0.0.shipset", resolved(*store, "v1.0.0"), {}).ok());
  const auto conflict = space.plan();
  REQUIRE_FALSE(conflict.ok());
  CHECK(conflict.error().kind == ErrorKind::tag_conflict);
}

TEST_CASE("inspect, a variant and the set's tag, shows the set manifest as one") {
  const Workspace space(with_set_tag());
  REQUIRE_FALSE(space.release().error);
  const auto variant = parse_json(inspect_json(at(space.layout() + ":v1.0.0"), {}).value(), "own").value();
  REQUIRE(variant.at("sets").size() == 1);
  CHECK(variant.at("sets").at(0).at("version") == "v1.0.0");
  const auto whole = parse_json(inspect_json(at(space.layout() + ":v1.0.0.shipset"), {}).value(), "own").value();
  CHECK(whole.at("artifact_type") == std::string(set_artifact_type));
  CHECK(whole.at("set").at("variants").size() == 2);
}

TEST_CASE("select, on a released set, gives references by digest") {
  std::string text = with_set_tag() + "hardware = [\"nvidia :: cuda_version_lower_bound :: 12.9\"]\n";
  const Workspace space(text);
  REQUIRE_FALSE(space.release().error);
  const auto from = at(space.layout() + ":v1.0.0");
  const auto gpu = select(from, {{"nvidia", "cuda_version", "13.0"}}, Platform::parse("linux/arm64").value(), {});
  INFO((gpu.ok() ? std::string() : render(gpu.error())));
  REQUIRE(gpu.ok());
  CHECK(gpu->variant == "cuda");
  CHECK(gpu->reference == space.layout() + "@" + space.tags().at("v1.0.0-cuda"));
  CHECK(gpu->tags.size() == 2);
  CHECK(gpu->image_reference == space.layout() + "@" + gpu->image->digest.str());
  CHECK(verified(gpu->image_reference).ok());
  const auto plain = select(at(space.layout() + ":v1.0.0.shipset"), {}, std::nullopt, {});
  REQUIRE(plain.ok());
  CHECK(plain->variant == "cpu");
  CHECK_FALSE(plain->image);
  CHECK(parse_json(plain->to_json(), "own")->at("refused").at(0).at("name") == "cuda");
  CHECK(select(from, {}, Platform::parse("linux/s390x").value(), {}).error().kind == ErrorKind::not_found);
  CHECK(select(at(space.layout() + ":nope"), {}, std::nullopt, {}).error().kind == ErrorKind::not_found);
}

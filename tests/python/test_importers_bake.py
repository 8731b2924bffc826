"""Release files made of bake definitions."""

from __future__ import annotations

import contextlib
import json
import pickle
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import shipset
from importing import FIXTURES, ORIGINAL, matrix_of, tags_of, what_is_built
from shipset.errors import DiskError, ShipsetError, UsageError
from shipset.importers import Imported, from_bake
from shipset.importers.source import MAX_BYTES


def bake(target: dict[str, Any], **more: Any) -> str:
    return json.dumps({"target": {"app": {"tags": ["example/app:1.0.0"], **target}, **more}})


def without_latest(text: str) -> str:
    data = json.loads(text)
    for target in data["target"].values():
        target["tags"] = [tag for tag in target["tags"] if ":latest" not in tag]
    return json.dumps(data)


@pytest.mark.parametrize("latest", [True, False])
@pytest.mark.parametrize("musa_cann", [True, False])
def test_model_runner__as_bake_printed_it__is_the_release_of_the_example(latest: bool, musa_cann: bool) -> None:
    text = (FIXTURES / "model-runner.bake.json").read_text(encoding="utf-8")
    imported = from_bake(text if latest else without_latest(text))
    assert imported.left_out == ()
    mine = matrix_of(imported, build_musa_cann=musa_cann)
    original = shipset.load(ORIGINAL).matrix(release_tag="v1.0.0", push_latest=latest, build_musa_cann=musa_cann)
    assert what_is_built(mine) == what_is_built(original)
    assert len(what_is_built(mine)) == (11 if musa_cann else 8)
    assert tags_of(mine) == tags_of(original)
    assert len(tags_of(mine)) == (7 if musa_cann else 5) * (2 if latest else 1)


def test_groups__default_and_others__are_built_always_or_on_request() -> None:
    imported = from_bake(FIXTURES / "groups.bake.json")
    variants = {variant.name: variant for variant in matrix_of(imported).variants}
    assert {name for name, variant in variants.items() if variant.active} == {"app", "base", "debug"}
    assert variants["app"].depends_on == ("base",)
    assert not variants["base"].publish
    asked = matrix_of(imported, build_nightly=True, build_alone=True)
    assert all(variant.active for variant in asked.variants)
    assert {tag for tag in tags_of(asked) if tag[0] == "fuzz"} == {("fuzz", "ghcr.io/example/fuzz", "2.4.1")}


def test_settings__of_every_kind__are_those_of_the_target() -> None:
    app = next(
        variant for variant in matrix_of(from_bake(FIXTURES / "groups.bake.json")).variants if variant.name == "app"
    )
    built = app.platforms[0].settings
    assert app.repositories == ("ghcr.io/example/app", "quay.io/other/app")
    assert [tag.tag for tag in app.tags] == ["2.4.1", "2.4", "2", "latest"]
    assert [tag.moves for tag in app.tags] == ["never", "forward", "forward", "forward"]
    assert dict(built.args) == {"VERSION": "2.4.1", "BRACES": "{literal}"}
    assert 'VERSION = "{version}"' in from_bake(FIXTURES / "groups.bake.json").toml
    assert dict(built.annotations) == {"index:com.example.kind": "app", "plain": "1"}
    assert built.cache_from == ("type=registry,ref=ghcr.io/example/cache:app", "type=gha", "example/cache")
    assert [(secret["id"], secret["env"], secret["file"]) for secret in built.secrets] == [
        ("token", "TOKEN", ""),
        ("netrc", "", "~/.netrc"),
    ]
    assert built.ssh == ("default", "key=~/.ssh/id")
    assert (built.network, built.no_cache, built.pull, built.ulimits) == ("host", True, True, ("nofile=1024:1024",))
    assert (built.attestations.sbom, built.attestations.provenance) == ("spdx", "min")
    assert dict(built.contexts) == {"data": "docker-image://busybox:1.36"}


def test_left_out__each_thing__says_place_and_reason() -> None:
    left = {remark.what: remark for remark in from_bake(FIXTURES / "groups.bake.json").left_out}
    assert left["dockerfile-inline"].place == "target app"
    assert "write it to a file" in left["dockerfile-inline"].why
    for what in (
        "shm-size",
        "args FROM_ENVIRONMENT",
        "annotation manifest[linux/amd64]:x",
        "output type=local,dest=out",
    ):
        assert left[what].why
    assert "ARG BASE_IMAGE" in next(remark.why for what, remark in left.items() if "context target:base" in what)


@pytest.mark.parametrize(
    ("tags", "rules", "version"),
    [
        (["a/b:1.2.3", "a/b:1"], ["{version}{-suffix}", "{version.major}{-suffix}"], "1.2.3"),
        (["a/b:1.2.3", "a/b:latest"], ["{version}{-suffix}", "latest{-suffix}"], "1.2.3"),
        (["a/b:v1.2.3-rc.1"], ["{version}{-suffix}"], "v1.2.3-rc.1"),
        (["a/b:v1.2.3", "a/b:1.2.3"], ["{version}{-suffix}", "{version.plain}{-suffix}"], "v1.2.3"),
        (["a/b:1.2.3-slim", "a/b:latest-slim"], ["{version}{-suffix}", "latest{-suffix}"], "1.2.3"),
        (["a/b:1.2.3-app", "a/b:edge"], ["{version}{-suffix}", "edge"], "1.2.3"),
        (["a/b"], ["latest{-suffix}"], ""),
        (["a/b:nightly"], ["nightly{-suffix}"], ""),
        (["a/b:{odd}"], [], ""),
        (["localhost:5000/a/b:7"], ["{version}{-suffix}"], "7"),
    ],
)  # fmt: skip
def test_tags__of_one_target__become_rules(tags: list[str], rules: list[str], version: str) -> None:
    imported = from_bake(bake({"tags": tags}), name="b")
    matrix = matrix_of(imported)
    assert [tag.rule for tag in matrix.variants[0].tags] == rules
    assert matrix.version == version


def test_tags__differ_between_repositories__keeps_the_common_and_names_the_others() -> None:
    imported = from_bake(bake({"tags": ["a/x:1.0.0", "b/y:1.0.0", "b/y:edge"]}))
    assert tags_of(matrix_of(imported)) == {("app", "a/x", "1.0.0"), ("app", "b/y", "1.0.0")}
    assert [remark.what for remark in imported.left_out] == ["tag b/y:edge"]


def test_tags__of_a_stream__always_move() -> None:
    matrix = matrix_of(from_bake(bake({"tags": ["a/b:nightly", "a/b:latest"]})))
    assert [tag.moves for tag in matrix.variants[0].tags] == ["always", "always"]


def test_targets__one_a_platform__are_one_variant_with_settings_by_platform() -> None:
    text = json.dumps(
        {
            "target": {
                "app_linux-amd64": {"tags": ["a/b:1.0.0"], "platforms": ["linux/amd64"], "args": {"A": "1", "B": "x"}},
                "app_linux-arm64": {"tags": ["a/b:1.0.0"], "platforms": ["linux/arm64"], "args": {"A": "2"}},
            }
        }
    )
    (variant,) = matrix_of(from_bake(text)).variants
    assert variant.name == "app"
    found = {str(image.platform): dict(image.settings.args) for image in variant.platforms}
    assert found == {"linux/amd64": {"A": "1", "B": "x"}, "linux/arm64": {"A": "2"}}


def test_own_definition__for_variants_on_variants__comes_back() -> None:
    """As `shipset plan --format bake` writes it: variants linked by contexts, pushed by digest without tags."""
    output = {"type": "image", "name": "a/b", "push": "true", "push-by-digest": "true", "name-canonical": "true"}
    text = json.dumps(
        {
            "group": {"default": {"targets": ["below", "above", "above_linux-arm64"]}},
            "target": {
                "below": {
                    "context": "sub",
                    "dockerfile": "../docker/below",
                    "platforms": ["linux/amd64", "linux/arm64"],
                    "output": [output | {"rewrite-timestamp": "true"}],
                },
                "above": {
                    "context": ".",
                    "dockerfile": "Dockerfile",
                    "args": {"RUNTIME": "shipset-variant-below"},
                    "contexts": {"shipset-variant-below": "target:below"},
                    "platforms": ["linux/amd64"],
                    "output": [output],
                },
                "above_linux-arm64": {
                    "context": ".",
                    "dockerfile": "Dockerfile",
                    "args": {"RUNTIME": "shipset-variant-below", "ARM": "1"},
                    "contexts": {"shipset-variant-below": "target:below"},
                    "platforms": ["linux/arm64"],
                    "output": [output],
                },
            },
        }
    )
    imported = from_bake(text)
    assert [remark.what for remark in imported.left_out] == ["tags"]
    below, above = matrix_of(imported).variants
    assert (below.name, above.name, above.depends_on) == ("below", "above", ("below",))
    assert below.platforms[0].settings.dockerfile == "docker/below"
    assert below.platforms[0].settings.rewrite_timestamp
    assert [(base.arg, base.variant) for base in above.platforms[0].settings.bases] == [("RUNTIME", "below")]
    assert [dict(image.settings.args) for image in above.platforms] == [{}, {"ARM": "1"}]
    assert above.repositories == ("a/b",)


def test_dockerfile__of_a_context__is_where_bake_looks_for_it() -> None:
    imported = from_bake(bake({"context": "images/app"}))
    built = matrix_of(imported).variants[0].platforms[0].settings
    assert (built.context, built.dockerfile) == ("images/app", "images/app/Dockerfile")
    remote = from_bake(bake({"context": "https://example.com/x.git", "dockerfile": "d/Dockerfile"}))
    built = matrix_of(remote).variants[0].platforms[0].settings
    assert (built.context, built.dockerfile) == ("https://example.com/x.git", "d/Dockerfile")


def test_circle__of_contexts__is_broken_and_named() -> None:
    text = bake({"contexts": {"x": "target:other"}}, other={"tags": ["a/c:1.0.0"], "contexts": {"y": "target:app"}})
    imported = from_bake(text)
    assert any("stands on this one" in remark.why for remark in imported.left_out)
    assert sum(bool(variant.depends_on) for variant in matrix_of(imported).variants) == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('target "app" {\n}\n', "bake --print"),
        ('variable "X" { default = "" }\n', "bake --print"),
        ('{"variable": {"X": {}}, "target": {"a": {}}}', "variable"),
        ('{"target": {"a": {"matrix": {"x": ["1"]}}}}', "matrix"),
        ('{"target": {"a": {"inherits": ["a"]}}}', "inherits from itself"),
        ('{\n"target": }', "line 2"),
        ('{"target": {}}', "no target"),
        ('{"target": []}', "not objects"),
        ('{"group": {}}', "no object `target`"),
        ("[" * 100_000 + "\n", "nested"),
        ('{"target": {"a": ' + '{"x":' * 200 + "1" + "}" * 200 + "}}", "nested"),
        ('{"target": {"a": {"args": {"x": ' + "9" * 5000 + "}}}}", "JSON"),
        ("{" + " " * MAX_BYTES + "}", "larger"),
    ],
)  # fmt: skip
def test_from_bake__odd_text__is_a_usage_error_that_says_why(text: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        from_bake(text)
    assert says in str(caught.value)


def test_from_bake__no_such_file__is_a_disk_error(tmp_path: Path) -> None:
    with pytest.raises(DiskError, match="nothing"):
        from_bake(tmp_path / "nothing.json")


def test_imported__value__is_equal_pickles_and_shows_itself() -> None:
    imported = from_bake(FIXTURES / "groups.bake.json")
    assert pickle.loads(pickle.dumps(imported)) == imported  # noqa: S301
    assert "left out: target app: shm-size" in repr(imported)
    assert isinstance(imported, Imported)


def test_save__file_exists__is_refused_without_force(tmp_path: Path) -> None:
    file = tmp_path / "shipset.toml"
    imported = from_bake(bake({}))
    imported.save(file)
    assert shipset.check(file) == ()
    file.write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match="exists"):
        imported.save(file)
    assert file.read_text(encoding="utf-8") == "mine"
    imported.save(file, force=True)
    assert shipset.load(file).variant_names == ("app",)


KEYS = [
    *(
        "context",
        "dockerfile",
        "target",
        "tags",
        "platforms",
        "args",
        "labels",
        "annotations",
        "contexts",
        "cache-from",
    ),
    *("cache-to", "secret", "ssh", "attest", "output", "no-cache", "ulimits", "inherits", "dockerfile-inline", "other"),
]
WORDS = st.sampled_from(
    ["a", "b", "target:a", "linux/amd64", "type=gha", "x/y:1.0-a", "{", "}}", '"', "type=image,name=x", ""]
)
TEXTS = st.one_of(WORDS, st.text(max_size=12))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)
TARGETS = st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=8)
DEFINITIONS = st.fixed_dictionaries(
    {"target": st.dictionaries(TEXTS, TARGETS | VALUES, max_size=5)},
    optional={
        "group": st.dictionaries(TEXTS, st.fixed_dictionaries({"targets": st.lists(TEXTS)}) | VALUES, max_size=4)
    },
)


@settings(max_examples=300, deadline=None)
@given(DEFINITIONS | VALUES)
def test_from_bake__any_json__gives_readable_toml_or_an_error_of_shipset(data: Any) -> None:
    try:
        imported = from_bake(json.dumps(data) + "\n")
    except ShipsetError:
        return
    tomllib.loads(imported.toml)
    with contextlib.suppress(ShipsetError):  # values may be wrong; nothing else is raised
        shipset.parse(imported.toml)

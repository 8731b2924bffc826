"""Small values: grammar by the core, equality, hashing, order, pickling, and that nothing can be changed."""

from __future__ import annotations

import dataclasses
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipset import Digest, FrozenMap, Platform, Reference, UsageError
from shipset.values import decode

HEX = "a" * 64
VALUES = [
    Reference.parse("alpine"),
    Reference.parse(f"localhost:5000/team/app:v1@sha256:{HEX}"),
    Digest.parse(f"sha256:{HEX}"),
    Platform.parse("linux/arm64/v8"),
    FrozenMap({"b": 1, "a": (1, 2)}),
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values__pickled__are_equal_and_hash_alike(value: Any) -> None:
    back = pickle.loads(pickle.dumps(value))  # noqa: S301 (own data)
    assert back == value
    assert hash(back) == hash(value)
    assert repr(back) == repr(value)


@pytest.mark.parametrize("value", VALUES[:4], ids=repr)
def test_values__assignment__is_refused(value: Any) -> None:
    name = dataclasses.fields(value)[0].name
    with pytest.raises((dataclasses.FrozenInstanceError, AttributeError)):
        setattr(value, name, "other")
    assert not hasattr(value, "__dict__")


def test_frozen_map__any_change__is_refused() -> None:
    value = FrozenMap({"a": 1})
    with pytest.raises(AttributeError):
        value.other = 1  # type: ignore[attr-defined]
    with pytest.raises(TypeError):
        value["a"] = 2  # type: ignore[index]
    assert value == {"a": 1}
    assert list(FrozenMap({"z": 1, "a": 2})) == ["z", "a"]


def test_reference__short_name__is_normalised_and_familiar_again() -> None:
    reference = Reference.parse("alpine:3.20")
    assert (reference.domain, reference.path, reference.tag) == ("docker.io", "library/alpine", "3.20")
    assert str(reference) == "docker.io/library/alpine:3.20"
    assert reference.familiar == "alpine:3.20"
    assert str(reference.with_tag("edge")) == "docker.io/library/alpine:edge"


@pytest.mark.parametrize("text", ["", "a//b", "App", "a:", "a@sha256:12", "x" * 300, "a b", "a\n"])
def test_reference__outside_the_grammar__is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError):
        Reference.parse(text)


@pytest.mark.parametrize(
    "text", ["", "sha256", "sha256:", f"sha256:{HEX[:-1]}", f"sha256:{HEX.upper()}", f" sha256:{HEX}"]
)
def test_digest__malformed__is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError):
        Digest.parse(text)


def test_digest__parts__join_to_the_text() -> None:
    digest = Digest.parse(f"sha256:{HEX}")
    assert (digest.algorithm, digest.encoded, digest.brief) == ("sha256", HEX, HEX[:12])
    assert str(digest) == f"sha256:{HEX}"


def test_platform__other_spelling__matches_but_is_not_equal() -> None:
    written, short = Platform.parse("linux/arm64/v8"), Platform.parse("linux/arm64")
    assert written != short
    assert written.matches(short)
    assert written.normalized == short
    assert not written.matches(Platform.parse("linux/amd64"))
    assert (short.machine, Platform.parse("linux/amd64").machine) == ("aarch64", "x86_64")


@pytest.mark.parametrize("text", ["linux/", "a/b/c/d", "linux/am d64", "/"])
def test_platform__malformed__is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError):
        Platform.parse(text)


names = st.from_regex(r"[a-z0-9]{1,8}(/[a-z0-9]{1,8}){0,2}", fullmatch=True)
tags = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True)


@given(name=names, tag=tags)
def test_reference__any_legal_one__parses_back_from_both_of_its_texts(name: str, tag: str) -> None:
    reference = Reference.parse(f"example.org/{name}:{tag}")
    assert Reference.parse(str(reference)) == reference
    assert Reference.parse(reference.familiar) == reference


@dataclasses.dataclass(frozen=True)
class Inner:
    from_: str
    platform: Platform


@dataclasses.dataclass(frozen=True)
class Outer:
    entries: tuple[Inner, ...]
    digest: Digest | None
    user: str | None
    anything: Any
    texts: FrozenMap[str] = FrozenMap()


def test_decode__nested_json__gives_typed_values_that_hash() -> None:
    data = {
        "entries": [{"from": "files", "platform": "linux/amd64"}],
        "digest": "",
        "user": "",
        "anything": {"a": [1, {"b": None}]},
        "later": "a member of a newer core",
    }
    value = decode(Outer, data)
    assert value.entries == (Inner("files", Platform("linux", "amd64")),)
    assert value.digest is None
    assert value.user == "", "an empty text is a value"
    assert value.texts == {}
    assert isinstance(hash(value), int)
    assert decode(Outer, {**data, "digest": f"sha256:{HEX}", "user": None}).digest == Digest("sha256", HEX)


def test_decode__missing_member_without_default__is_an_error() -> None:
    with pytest.raises(TypeError):
        decode(Inner, {"from": "x"})

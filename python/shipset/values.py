"""Small immutable values: digests, references, platforms, and maps that hash.

Grammar and normalisation are the core's; see distribution/reference and containerd/platforms. :func:`decode` makes
typed values of the core's JSON. Thread-safe: nothing here changes after it is made.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from typing import Any, Generic, Self, TypeVar

from shipset import _core

V = TypeVar("V")
T = TypeVar("T")


class FrozenMap(Mapping[str, V], Generic[V]):
    """A mapping that never changes, keeps its order, hashes and pickles."""

    __slots__ = ("_items",)
    _items: dict[str, V]

    def __init__(self, items: Mapping[str, V] | None = None) -> None:
        object.__setattr__(self, "_items", dict(items or {}))

    def __getitem__(self, key: str) -> V:
        return self._items[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __hash__(self) -> int:
        return hash(frozenset(self._items.items()))

    def __repr__(self) -> str:
        return repr(self._items)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"FrozenMap cannot be changed: {name}")

    def __reduce__(self) -> tuple[Any, ...]:
        return FrozenMap, (dict(self._items),)


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """``algorithm:encoded`` as the OCI image specification writes it."""

    algorithm: str
    encoded: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises UsageError when the text is no digest."""
        algorithm, _, encoded = _core.parse_digest(text).partition(":")
        return cls(algorithm, encoded)

    @property
    def brief(self) -> str:
        """The first 12 characters of the encoded part, for people."""
        return self.encoded[:12]

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.encoded}"


@dataclass(frozen=True, slots=True, order=True)
class Platform:
    """``os/arch[/variant]``, as written; compare with :meth:`matches` to see through spellings."""

    os: str
    architecture: str
    variant: str = ""
    os_version: str = ""
    os_features: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises UsageError when the text is no platform."""
        os, architecture, variant, os_version, os_features, _, _ = _core.parse_platform(text)
        return cls(os, architecture, variant, os_version, tuple(os_features))

    @property
    def machine(self) -> str:
        """x86_64, aarch64, …: the name that ``uname -m`` uses."""
        return _core.parse_platform(str(self))[5]

    @property
    def normalized(self) -> Platform:
        """The canonical spelling: linux/arm64/v8 is linux/arm64."""
        return Platform.parse(_core.parse_platform(self._full())[6])

    def matches(self, other: Platform) -> bool:
        """The same platform after normalisation."""
        return self.normalized == other.normalized

    def _full(self) -> str:
        detail = "+".join((self.os_version, *self.os_features))
        rest = "/".join(part for part in (self.architecture, self.variant) if part)
        return f"{self.os}({detail})/{rest}" if detail else f"{self.os}/{rest}"

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


@dataclass(frozen=True, slots=True, order=True)
class Reference:
    """An image reference with Docker's grammar, normalised: ``alpine`` is docker.io/library/alpine."""

    domain: str
    path: str
    tag: str = ""
    digest: Digest | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises UsageError that names the rule that is broken."""
        domain, path, tag, digest, _ = _core.parse_reference(text)
        return cls(domain, path, tag, Digest.parse(digest) if digest else None)

    @property
    def name(self) -> str:
        """The repository, normalised."""
        return f"{self.domain}/{self.path}"

    @property
    def familiar(self) -> str:
        """As people write it, with tag and digest."""
        return _core.parse_reference(str(self))[4]

    def with_tag(self, tag: str) -> Reference:
        """The same repository under another tag; raises UsageError for a tag outside the grammar."""
        return Reference.parse(f"{self.name}:{tag}")

    def __str__(self) -> str:
        text = f"{self.name}:{self.tag}" if self.tag else self.name
        return f"{text}@{self.digest}" if self.digest else text


def decode(cls: type[T], data: Any) -> T:
    """A value of ``cls`` from JSON data: dataclasses by field name
    (``from_`` reads ``from``; unknown members are left out), ``tuple[X, ...]``
    from lists, :class:`FrozenMap` from objects, ``Digest`` and ``Platform`` from text ("" is None where it may be)."""
    hint: Any = cls
    return typing.cast(T, _decoder(hint)(data))


def decode_json(cls: type[T], text: str) -> T:
    """As :func:`decode`, from JSON text of the core."""
    return decode(cls, parse_json(text))


def parse_json(text: str) -> Any:
    """JSON of the core as data."""
    import json  # noqa: PLC0415 (text that is only passed on needs none)

    return json.loads(text)


def _freeze(data: Any) -> Any:
    if isinstance(data, dict):
        return FrozenMap({key: _freeze(value) for key, value in data.items()})
    return tuple(_freeze(entry) for entry in data) if isinstance(data, list) else data


def _split_digest(text: str) -> Digest:
    algorithm, _, encoded = text.partition(":")
    return Digest(algorithm, encoded)


@cache
def _decoder(hint: Any) -> Callable[[Any], Any]:
    simple: dict[Any, Callable[[Any], Any]] = {
        Any: _freeze,
        Digest: _split_digest,
        Platform: cache(Platform.parse),
    }
    if hint in simple:
        return simple[hint]
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        kind = next(argument for argument in arguments if argument is not type(None))
        inner, nothing = _decoder(kind), ("",) if kind in (Digest, Platform) else ()
        return lambda data: None if data is None or data in nothing else inner(data)
    if origin is tuple:
        entry = _decoder(arguments[0])
        return lambda data: tuple([entry(value) for value in data or ()])
    if origin is FrozenMap:
        value = _decoder(arguments[0])
        return lambda data: FrozenMap({key: value(item) for key, item in (data or {}).items()})
    return _dataclass_decoder(hint) if is_dataclass(hint) else lambda data: data


def _dataclass_decoder(cls: Any) -> Callable[[Any], Any]:
    hints = typing.get_type_hints(cls)
    members = [(field.name, field.name.rstrip("_"), _decoder(hints[field.name])) for field in fields(cls)]

    def make(data: Any) -> Any:
        return cls(**{name: read(data[key]) for name, key, read in members if key in data})

    return make

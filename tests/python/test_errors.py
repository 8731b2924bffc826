"""Exceptions: what they carry, what they derive from, and that they survive a trip to another process."""

from __future__ import annotations

import pickle

import pytest

import shipset
from shipset import errors
from shipset.errors import Problem, ShipsetError, make_error

KINDS = {
    "internal": (errors.InternalError, RuntimeError, 1),
    "usage": (errors.UsageError, ValueError, 2),
    "spec": (errors.ReleaseFileError, ValueError, 2),
    "build": (errors.BuildFailed, errors.ReleaseFailed, 3),
    "io": (errors.DiskError, OSError, 3),
    "policy": (errors.PolicyRefused, errors.ReleaseFailed, 4),
    "gate": (errors.GateRefused, errors.ReleaseFailed, 4),
    "tag_conflict": (errors.TagConflict, errors.ReleaseFailed, 4),
    "tag_moved": (errors.TagMoved, errors.ReleaseFailed, 4),
    "auth": (errors.AuthenticationError, PermissionError, 5),
    "registry": (errors.RegistryError, OSError, 5),
    "not_found": (errors.NotFound, LookupError, 5),
    "network": (errors.NetworkError, ConnectionError, 6),
    "verify": (errors.VerificationError, ValueError, 7),
    "incomplete": (errors.ReleaseIncomplete, errors.ReleaseFailed, 8),
    "cancelled": (errors.Cancelled, ShipsetError, 130),
}


def made(kind: str, code: int = 1) -> ShipsetError:
    rows = [("error", "a.toml", 3, 5, "variant[0]", "unknown key", "did you mean base?")]
    return make_error(kind, "cannot do it", "because", "try this", {"host": "localhost"}, rows, code)


@pytest.mark.parametrize("kind", KINDS)
def test_make_error__each_kind__is_its_class_and_the_fitting_builtin(kind: str) -> None:
    cls, base, code = KINDS[kind]
    error = made(kind, code)
    assert type(error) is cls
    assert isinstance(error, base)
    assert (error.kind, error.exit_code) == (kind, code)
    assert cls("made by hand").exit_code == code
    assert cls("made by hand").kind == kind


@pytest.mark.parametrize("kind", KINDS)
def test_errors__pickled__come_back_equal_in_everything(kind: str) -> None:
    error = made(kind, 9)
    error.__cause__ = errors.NetworkError("the link broke")
    back = pickle.loads(pickle.dumps(error))  # noqa: S301 (own data)
    assert type(back) is type(error)
    assert str(back) == str(error)
    assert back._data() == error._data()
    assert back.what == error.what
    assert isinstance(back.__cause__, errors.NetworkError)


def test_str__problems_reason_and_hint__are_lines_in_this_order() -> None:
    assert str(made("spec")).split("\n") == [
        "a.toml:3:5: error: unknown key",
        "  hint: did you mean base?",
        "cannot do it",
        "because",
        "hint: try this",
    ]


def test_problem__without_place__has_no_colon_before_the_severity() -> None:
    assert str(Problem("warning", "", 0, 0, "", "odd")) == "warning: odd"
    assert str(Problem("error", "f", 0, 0, "", "odd")) == "f: error: odd"


def test_make_error__deadline__is_also_a_timeout_error() -> None:
    error = make_error("cancelled", "stopped after 1 s", "", "", {"cause": "deadline"}, [], 130)
    assert type(error) is shipset.DeadlineExceeded
    assert isinstance(error, TimeoutError)
    assert isinstance(error, shipset.Cancelled)


def test_make_error__unknown_kind__is_an_internal_error_that_keeps_its_name() -> None:
    error = make_error("novel", "x", "", "", {}, [], 1)
    assert type(error) is errors.InternalError
    assert error.kind == "novel"


def test_core__bad_reference__raises_the_class_with_reason_and_hint() -> None:
    with pytest.raises(shipset.UsageError) as caught:
        shipset.Reference.parse("localhost/UPPER")
    assert isinstance(caught.value, ValueError)
    assert caught.value.exit_code == 2
    assert "localhost/UPPER" in str(caught.value)


def test_as_release_failure__error_of_another_family__keeps_kind_code_and_cause() -> None:
    report = shipset.Report("{}")
    cause = errors.NetworkError("the link broke", hint="try again")
    failure = errors.as_release_failure(cause, report)
    assert type(failure) is errors.ReleaseFailed
    assert (failure.kind, failure.exit_code, failure.hint) == ("network", 6, "try again")
    assert failure.__cause__ is cause
    assert failure.report is report


@pytest.mark.parametrize("cls", [errors.BuildFailed, errors.TagMoved, errors.Cancelled, errors.DeadlineExceeded])
def test_as_release_failure__error_of_a_release__is_itself_with_the_report(cls: type[ShipsetError]) -> None:
    report = shipset.Report("{}")
    error = cls("x")
    assert errors.as_release_failure(error, report) is error
    assert error.report is report

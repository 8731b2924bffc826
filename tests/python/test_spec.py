"""The release file from Python: loading, inputs, checking, schema."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import jsonschema
import pytest

import shipset
from helpers import SMALL, VARIANTS, Project
from shipset.spec import inputs_from_environment

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "model-runner" / "shipset.toml"


def test_load__right_file__knows_name_inputs_and_variants(project: Project) -> None:
    spec = shipset.load(project.file)
    assert spec.name == "app"
    assert spec.variant_names == ("plain", "extra")
    assert [(entry.name, entry.type, entry.default) for entry in spec.inputs] == [
        ("version", "string", "1.0.0"),
        ("latest", "boolean", "false"),
    ]
    assert spec.text == SMALL + VARIANTS


def test_load__two_mistakes__both_are_problems_with_their_places(project: Project) -> None:
    project.write((SMALL + VARIANTS).replace("platforms =", "platfroms =").replace('moves = "forward"', "moves = 3"))
    with pytest.raises(shipset.ReleaseFileError) as caught:
        shipset.load(project.file)
    places = {(problem.line, problem.severity) for problem in caught.value.problems}
    assert {(14, "error"), (22, "error")} <= places
    assert all(problem.file == str(project.file) for problem in caught.value.problems)
    assert "platforms" in str(caught.value), "the nearest name is in the hint"


def test_load__no_such_file__is_a_disk_error(tmp_path: Path) -> None:
    with pytest.raises(shipset.DiskError) as caught:
        shipset.load(tmp_path / "nothing.toml")
    assert isinstance(caught.value, OSError)
    assert "nothing.toml" in str(caught.value)


def test_spec__pickled__is_equal_and_works(project: Project) -> None:
    spec = shipset.load(project.file)
    back = pickle.loads(pickle.dumps(spec))  # noqa: S301 (own data)
    assert back == spec
    assert hash(back) == hash(spec)
    assert back.matrix(version="2.0.0").version == "2.0.0"


def test_spec__shown__lists_inputs_and_variants(project: Project) -> None:
    spec = shipset.load(project.file)
    assert "latest" in repr(spec)
    assert "plain, extra" in repr(spec)
    assert "<table>" in spec._repr_html_()


@pytest.mark.parametrize(
    ("inputs", "word"),
    [({"verison": "1"}, "version"), ({"latest": "maybe"}, "latest"), ({"latest": 3}, "latest")],
    ids=["misspelt", "no-boolean", "integer-for-boolean"],
)
def test_matrix__wrong_input__is_a_usage_error_that_names_it(
    project: Project, inputs: dict[str, str | int], word: str
) -> None:
    with pytest.raises(shipset.UsageError, match=word):
        shipset.load(project.file).matrix_of(inputs)


def test_check__right_file__has_no_problems(project: Project) -> None:
    assert shipset.check(project.file) == ()


def test_check__clash_that_only_the_tag_table_shows__is_a_problem(project: Project) -> None:
    project.write((SMALL + VARIANTS).replace("{version}{-suffix}", "{version}"))
    problems = shipset.check(project.file)
    assert problems
    assert any("1.0.0" in problem.message and problem.severity == "error" for problem in problems)


def test_check__input_without_default__is_no_problem_by_itself(project: Project) -> None:
    project.write((SMALL + VARIANTS).replace('default = "1.0.0"', "", 1))
    assert shipset.check(project.file) == ()
    assert shipset.check(project.file, inputs={"version": "not a tag!"})


def test_inputs_from_environment__declared_names__are_found_in_capitals(project: Project) -> None:
    spec = shipset.load(project.file)
    environ = {"SHIPSET_INPUT_VERSION": "", "SHIPSET_INPUT_OTHER": "x", "VERSION": "9"}
    assert inputs_from_environment(spec, environ) == {"version": ""}


def test_schema__is_a_schema_and_accepts_the_example() -> None:
    import tomllib

    schema = shipset.schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(tomllib.loads(EXAMPLE.read_text(encoding="utf-8")), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"release": {"nmae": "x"}}, schema)
    assert json.dumps(schema)

"""The matrix as a value."""

from __future__ import annotations

import pickle

import pytest

import shipset
from helpers import Project
from shipset import Facts, FrozenMap, Platform

FACTS = Facts(date_unix_s=1700000000, env=FrozenMap({"TOKEN": "very-secret-token"}))


@pytest.fixture
def matrix(project: Project) -> shipset.Matrix:
    return shipset.load(project.file).matrix_of({"latest": True}, facts=FACTS)


def test_matrix__members__are_typed(matrix: shipset.Matrix) -> None:
    assert (matrix.name, matrix.version, len(matrix)) == ("app", "1.0.0", 2)
    assert matrix.inputs == {"version": "1.0.0", "latest": True}
    extra = matrix["extra"]
    assert isinstance(extra, shipset.Variant)
    assert [image.platform for image in extra.platforms] == [Platform("linux", "amd64"), Platform("linux", "arm64")]
    assert [tag.tag for tag in extra.tags] == ["1.0.0-extra", "latest-extra"]
    native = extra.platforms[0].settings.native
    assert native is not None
    assert (native.base, native.layers[0].from_, native.layers[0].to) == ("scratch", "files", "/app")
    assert isinstance(hash(extra), int)
    with pytest.raises(KeyError):
        matrix["nothing"]


def test_matrix__same_inputs__is_equal_and_hashes_alike(matrix: shipset.Matrix, project: Project) -> None:
    again = shipset.load(project.file).matrix_of({"latest": "true"}, facts=FACTS)
    other = shipset.load(project.file).matrix_of({}, facts=FACTS)
    assert again == matrix
    assert hash(again) == hash(matrix)
    assert other != matrix
    assert matrix != object()


def test_matrix__pickled__is_equal_and_can_be_planned(matrix: shipset.Matrix, project: Project) -> None:
    back = pickle.loads(pickle.dumps(matrix))  # noqa: S301 (own data)
    assert back == matrix
    assert shipset.plan(back, to=project.to).name == "app"


def test_matrix__environment_that_the_file_does_not_allow__is_nowhere(matrix: shipset.Matrix) -> None:
    assert "very-secret-token" not in matrix.to_json()
    assert b"very-secret-token" not in pickle.dumps(matrix)
    assert "very-secret-token" not in repr(FACTS)


def test_matrix__shown__is_a_table_of_variants_platforms_and_tags(matrix: shipset.Matrix) -> None:
    text, html = repr(matrix), matrix._repr_html_()
    for word in ("plain", "linux/amd64, linux/arm64", "latest-extra", "2 of 2 variants"):
        assert word in text
        assert word in html
    assert str(matrix) == matrix.to_text()


def test_matrix__many_variants__shows_the_first_and_counts_the_rest(project: Project) -> None:
    project.add("".join(f'\n[[variant]]\nname = "v{number}"\n' for number in range(300)))
    matrix = shipset.load(project.file).matrix()
    assert "… and 102 more" in repr(matrix)
    assert "v299" not in repr(matrix)
    assert "v299" in matrix.to_text()


def test_matrix__inactive_variant__is_listed_and_marked(project: Project) -> None:
    project.add('\n[[variant]]\nname = "later"\nwhen = "inputs.latest"\n')
    matrix = shipset.load(project.file).matrix()
    assert not matrix["later"].active
    assert "2 of 3 variants" in repr(matrix)
    assert "opacity" in matrix._repr_html_()

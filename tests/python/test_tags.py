"""The tag table as a value, and the outputs of the step."""

from __future__ import annotations

import json
import pickle

import pytest

import shipset
from helpers import SMALL, VARIANTS, Project


def test_tag_table__latest_on__has_every_tag_in_order(project: Project) -> None:
    table = shipset.tag_table(shipset.load(project.file).matrix(latest=True))
    assert [entry.tag for entry in table.entries] == ["1.0.0", "latest", "1.0.0-extra", "latest-extra"]
    assert [entry.moves for entry in table.entries] == ["never", "forward", "never", "forward"]
    assert table.references("extra") == ("example.org/team/app:1.0.0-extra", "example.org/team/app:latest-extra")
    assert len(table) == 4
    assert all(entry.reason for entry in table.entries)


def test_tag_table__pickled__is_equal(project: Project) -> None:
    table = shipset.tag_table(shipset.load(project.file).matrix())
    back = pickle.loads(pickle.dumps(table))  # noqa: S301 (own data)
    assert (back, hash(back)) == (table, hash(table))


def test_tag_table__json__is_stable(project: Project) -> None:
    table = shipset.tag_table(shipset.load(project.file).matrix())
    data = json.loads(table.to_json())
    assert data["schema_version"] == 1
    assert set(data["entries"][0]) == {
        *("repository", "tag", "reference", "variant", "active", "platforms", "index", "moves", "reason")
    }
    assert json.loads(table.to_json(indented=True)) == data == table.to_dict()


def test_tag_table__shown__is_a_table(project: Project) -> None:
    table = shipset.tag_table(shipset.load(project.file).matrix())
    assert "example.org/team/app:1.0.0-extra" in repr(table)
    assert "<table>" in table._repr_html_()


def test_tag_table__inactive_variant__only_when_asked_for(project: Project) -> None:
    project.add('\n[[variant]]\nname = "later"\nwhen = "inputs.latest"\n')
    matrix = shipset.load(project.file).matrix()
    assert not shipset.tag_table(matrix).references("later")
    assert shipset.tag_table(matrix, include_inactive=True).references("later")
    assert "later<<EOF\nexample.org/team/app:1.0.0-later\nEOF\n" in shipset.github_outputs(matrix)


def test_tag_table__two_claims_on_one_tag__is_an_error_with_the_place(project: Project) -> None:
    project.write((SMALL + VARIANTS).replace("{version}{-suffix}", "{version}"))
    with pytest.raises(shipset.ReleaseFileError) as caught:
        shipset.tag_table(shipset.load(project.file).matrix())
    assert caught.value.problems[0].line > 0

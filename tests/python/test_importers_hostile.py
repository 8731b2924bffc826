"""What no person writes: workflows that are damaged, hostile, or anything at all."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importing import FIXTURES, HEAD, workflow
from shipset.errors import ShipsetError, UsageError
from shipset.importers import from_workflow
from shipset.importers.source import MAX_BYTES

BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{','.join([f'*{chr(97 + i)}'] * 9)}]\n" for i in range(9)
)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("on: push\n", "it has no jobs"),
        ("jobs:\n  a: [\n", "line"),
        ("jobs:\n\ta: 1\n", "line 2"),
        ("[" * 5000 + "\n", "nested"),
        (BOMB, "too many nodes"),
        ("a: &a [*a]\n", "anchors contain themselves"),
        ("jobs: { a: { steps: [{ run: x }] } }\n", "no step of docker/build-push-action"),
        ("jobs: { a: 1, b: [], c: null }\n", "no step"),
        ("? [a]\n: b\n", "key is not a text"),
        ("--- 1\n--- 2\n", "not YAML"),
        ("a: \x07\n", "not YAML"),
        ("#" * MAX_BYTES + "\n\n", "larger"),
    ],
)
def test_from_workflow__odd_text__is_a_usage_error_that_says_why(text: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        from_workflow(text)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "rows",
    [
        "tags: a/b:" + "x-" * 100_000,
        "tags: ${{ " + "inputs.tag && " * 100 + "inputs.tag }}",
        "tags: a/b:" + "${{ inputs.latest && 'a' || 'b' }}" * 50,
        "build-args: |\n  A=" + "${{ inputs.tag }}" * 5000,
        "tags: ${{ " + "(" * 200 + "1" + ")" * 200 + " }}",
        "tags: ${{ " + "!" * 200 + "inputs.latest }}",
    ],
)
def test_step__values_that_grow__are_left_out(rows: str) -> None:
    imported = workflow(rows)
    assert any(remark.place.startswith("job build, step") for remark in imported.left_out)
    assert len(imported.toml) < 20_000


def test_matrix__of_many_combinations__is_refused() -> None:
    axes = "".join(f"a{number}: [1, 2, 3, 4, 5, 6, 7, 8], " for number in range(12))
    text = (
        HEAD.replace("    steps:", f"    strategy: {{ matrix: {{ {axes} }} }}\n    steps:")
        + "      - uses: docker/build-push-action@v6\n        with: { tags: 'a/b:1.0.0' }\n"
    )
    with pytest.raises(UsageError, match="no step"):
        from_workflow(text)


def test_from_workflow__no_such_job__names_those_that_there_are() -> None:
    with pytest.raises(UsageError, match="its jobs: test, build"):
        from_workflow(FIXTURES / "model-runner.yml", job="nothing")


def test_from_workflow__without_pyyaml__says_which_extra_to_install() -> None:
    code = (
        "import sys; sys.modules['yaml'] = None\nfrom shipset.importers import from_workflow\nfrom_workflow('a: 1\\n')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install 'shipset[import]'" in done.stderr


def test_import__shipset_and_its_importers__load_no_yaml() -> None:
    code = "import sys, shipset, shipset.importers; shipset.load; print('yaml' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


WORDS = st.sampled_from(
    [
        "${{ inputs.tag }}",
        "${{ matrix.x }}",
        "${{",
        "a/b:1",
        "type=raw,value=x",
        "type=semver",
        "{{version}}",
        "x=1",
        "{",
        "1",
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | WORDS, inner, max_size=3),
    max_leaves=6,
)
WITH = st.dictionaries(
    st.sampled_from(
        ["tags", "platforms", "build-args", "labels", "context", "file", "secrets", "outputs", "images", "flavor"]
    ),
    VALUES,
)
STEPS = st.fixed_dictionaries(
    {
        "uses": st.sampled_from(
            ["docker/build-push-action@v6", "docker/metadata-action@v5", "docker/setup-buildx-action@v3"]
        )
    },
    optional={"with": WITH | VALUES, "if": VALUES, "id": VALUES, "env": VALUES, "run": VALUES},
)
JOBS = st.fixed_dictionaries(
    {"steps": st.lists(STEPS | VALUES, max_size=4)},
    optional={
        "strategy": VALUES | st.fixed_dictionaries({"matrix": VALUES}),
        "needs": VALUES,
        "env": VALUES,
        "if": VALUES,
    },
)


@settings(max_examples=300, deadline=None)
@given(
    st.fixed_dictionaries({"on": VALUES, "jobs": st.dictionaries(st.text(max_size=4), JOBS, min_size=1, max_size=3)})
)
def test_from_workflow__any_yaml__gives_a_release_file_or_an_error_of_shipset(data: dict[str, Any]) -> None:
    try:
        imported = from_workflow(json.dumps(data) + "\n")
    except ShipsetError:
        return
    assert tomllib.loads(imported.toml)["build"]["backend"] == "buildx"


PIECES = st.sampled_from(
    [
        *("echo ", '"', "'", "$TAG", "${TAG", "}", " >> $GITHUB_OUTPUT", "\n", "; ", "if [ ", " ]", "then", "else"),
        *("fi", "for x in ", "do", "done", "{", "x=", "tags=", "tags<<EOF", "EOF", "printf '%s\\n' "),
        *("${{ inputs.tag }}", "${{", "&&", "||", " == ", "!", "#v"),
    ]
)
WORDS_OF_CONDITIONS = st.sampled_from(
    ["inputs.tag", "(", ")", "!", "&&", "||", "==", "'x'", "1", "format", ",", "[", "]", ".", "github.ref"]
)
SCRIPT = st.lists(PIECES, max_size=25).map("".join)


@settings(max_examples=300, deadline=None)
@given(SCRIPT, st.lists(WORDS_OF_CONDITIONS))
def test_from_workflow__any_script_and_condition__is_read_or_left_out(script: str, condition: list[str]) -> None:
    tags = {"tags": "${{ steps.t.outputs.tags }}"}
    step = {"uses": "docker/build-push-action@v6", "if": " ".join(condition), "with": tags}
    before = {"id": "t", "run": script + " # GITHUB_OUTPUT", "env": {"TAG": "1"}}
    inputs = {"tag": {"default": "1"}}
    data = {"on": {"workflow_dispatch": {"inputs": inputs}}, "jobs": {"a": {"steps": [before, step]}}}
    try:
        imported = from_workflow(json.dumps(data) + "\n")
    except UsageError as error:
        assert "no step" in str(error)  # noqa: PT017 (the condition may be false)
        return
    tomllib.loads(imported.toml)

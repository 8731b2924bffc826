"""Release files made of workflows of GitHub Actions."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import shipset
from importing import FIXTURES, ORIGINAL, SHA, matrix_of, on_branch, on_tag, tags_of, what_is_built
from shipset.errors import ShipsetError, UsageError
from shipset.importers import Imported, from_workflow
from shipset.importers.source import MAX_BYTES

HEAD = """\
on:
  workflow_dispatch:
    inputs:
      tag: { type: string, default: "1.0.0" }
      latest: { type: boolean }
      flavour: { type: choice, options: [plain, full] }
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
"""


def workflow(inputs: str, *, before: str = "", condition: str = "") -> Imported:
    """A workflow with one build step of these inputs, each on a line."""
    rows = "\n".join(f"          {line}" for line in inputs.splitlines())
    first = "\n".join(f"      {line}" for line in before.splitlines())
    guard = f"        if: {condition}\n" if condition else ""
    return from_workflow(f"{HEAD}{first}\n      - uses: docker/build-push-action@v6\n{guard}        with:\n{rows}\n")


@pytest.mark.parametrize("latest", [True, False])
@pytest.mark.parametrize("musa_cann", [True, False])
def test_model_runner__seven_steps__is_the_release_of_the_example(latest: bool, musa_cann: bool) -> None:
    imported = from_workflow(FIXTURES / "model-runner.yml")
    inputs = {"push_latest": latest, "build_musa_cann": musa_cann, "release_tag": "v1.0.0", "vllm_version": "0.11.5"}
    mine = matrix_of(imported, **inputs)
    original = shipset.load(ORIGINAL).matrix_of(inputs)
    assert what_is_built(mine) == what_is_built(original)
    assert tags_of(mine) == tags_of(original)
    assert len(tags_of(mine)) == (7 if musa_cann else 5) * (2 if latest else 1)
    assert [(gate.at, gate.run) for gate in mine.gates] == [("before-build", ("go", "test", "./..."))]


def test_model_runner__inputs_and_builder__are_those_of_the_example() -> None:
    spec, original = shipset.parse(from_workflow(FIXTURES / "model-runner.yml").toml), shipset.load(ORIGINAL)
    assert [(entry.name, entry.type, entry.default) for entry in spec.inputs] == [
        (entry.name, entry.type, entry.default) for entry in original.inputs
    ]
    builders = [each.matrix().variants[0].platforms[0].settings.builder for each in (spec, original)]
    assert builders[0] == builders[1]


def test_model_runner__what_has_no_place__is_named_with_its_line() -> None:
    left = [str(remark) for remark in from_workflow(FIXTURES / "model-runner.yml").left_out]
    assert len(left) == 2
    assert "line 35: actions/setup-go" in left[0]
    assert "not needed: docker/login-action: credentials come from docker login" in left[1]


def test_input_names__camel_case__are_ours_and_the_change_is_told() -> None:
    notes = [str(remark) for remark in from_workflow(FIXTURES / "model-runner.yml").notes]
    assert "input buildMusaCann: renamed: it is build_musa_cann in the release file" in notes


def test_matrix_with_metadata__on_a_tag__has_the_tags_of_the_action() -> None:
    imported = from_workflow(FIXTURES / "metadata-matrix.yml", repository="Example/App")
    matrix = matrix_of(imported, facts=on_tag("v2.3.4"))
    names = {variant.name: variant for variant in matrix.variants}
    assert set(names) == {"server", "worker", "gpu"}
    tags = ["2.3.4", "2.3", "2", "latest", "sha-0123456"]
    assert tags_of(matrix) == {
        (name, repository, f"{tag}-{name}")
        for name in names
        for repository in ("ghcr.io/example/app", "example/app")
        for tag in tags
    }
    moves = {tag.tag: tag.moves for tag in names["gpu"].tags}
    assert (moves["2.3.4-gpu"], moves["2.3-gpu"], moves["latest-gpu"]) == ("never", "forward", "forward")
    server = names["server"].platforms
    assert [str(image.platform) for image in server] == ["linux/amd64", "linux/arm64"]
    assert server[0].settings.dockerfile == "docker/server.Dockerfile"
    assert server[0].settings.bases[0].image == "debian:12-slim"
    assert names["gpu"].platforms[0].settings.bases[0].image == "nvidia/cuda:12.9.0-runtime-ubuntu24.04"
    assert dict(names["worker"].platforms[0].settings.args) == {"FLAGS": "--slim", "REVISION": SHA}
    assert names["gpu"].platforms[0].settings.cache_to == ("type=gha,mode=max,scope=gpu",)
    assert [gate.run for gate in matrix.gates] == [("make", "lint")]


def test_matrix_with_metadata__elsewhere__has_the_tags_of_that_event() -> None:
    imported = from_workflow(FIXTURES / "metadata-matrix.yml", repository="Example/App")
    nightly = tags_of(matrix_of(imported, facts=on_branch("main", "schedule")))
    assert {tag for name, _, tag in nightly if name == "gpu"} == {"nightly-20260109-gpu", "edge-gpu", "sha-0123456-gpu"}
    first = tags_of(matrix_of(imported, facts=on_tag("v0.1.0")))
    assert {tag for name, _, tag in first if name == "gpu"} == {"0.1.0-gpu", "0.1-gpu", "latest-gpu", "sha-0123456-gpu"}


def test_matrix_with_metadata__rules_without_counterpart__are_named() -> None:
    imported = from_workflow(FIXTURES / "metadata-matrix.yml", repository="Example/App")
    left = {remark.what: remark.why for remark in imported.left_out}
    assert "pull request" in left["tag rule type=ref,event=pr"]
    assert "not supported" in left["tag rule type=match,pattern=v(.*),group=1"]
    assert left["run: make prepare"] == "run it before shipset"
    assert "ORG" not in imported.toml
    assert "TOKEN" in imported.toml  # the name of a variable, never secrets.TOKEN


@pytest.mark.parametrize(
    ("condition", "when"),
    [
        ("inputs.latest", "inputs.latest"),
        ("${{ inputs.latest == 'true' }}", "inputs.latest"),
        ("github.event.inputs.latest == 'true'", "inputs.latest"),
        ("inputs.latest != true", "not inputs.latest"),
        ("'!inputs.latest'", "not inputs.latest"),
        ("inputs.flavour == 'full' && inputs.latest", 'inputs.flavour == "full" and inputs.latest'),
        ("inputs.latest || inputs.tag != 'x'", 'inputs.latest or inputs.tag != "x"'),
        ("startsWith(github.ref, 'refs/tags/')", 'git.ref_type == "tag"'),
        ("github.ref == 'refs/heads/main'", 'git.branch == "main"'),
        ("github.event_name == 'push' && success()", 'event.name == "push"'),
        ("\"!(inputs.latest && inputs.flavour == 'full')\"", 'not (inputs.latest and inputs.flavour == "full")'),
        ("inputs.tag", 'inputs.tag != ""'),
        ("always()", ""),
    ],
)
def test_condition__of_a_step__is_when_of_the_variant(condition: str, when: str) -> None:
    imported = workflow("tags: a/b:${{ inputs.tag }}", condition=condition)
    assert matrix_of(imported, facts=on_branch("main")).variants[0].when == when
    assert imported.left_out == ()


@pytest.mark.parametrize("condition", ["contains(github.event.head_commit.message, 'x')", "hashFiles('a') != ''", "a ? b", "(((", "needs.x.outputs.y"])  # fmt: skip  # noqa: E501
def test_condition__without_counterpart__is_left_out_by_name(condition: str) -> None:
    imported = workflow("tags: a/b:1", condition=condition)
    assert [remark.what for remark in imported.left_out] == [f"if: {condition}"]
    assert matrix_of(imported).variants[0].when == ""


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("a/b:${{ inputs.tag }}", {"1.0.0"}),
        ("a/b:v${{ inputs.tag }},a/b:latest", {"v1.0.0", "latest"}),
        ("${{ format('a/b:{0}-{1}', inputs.tag, inputs.flavour) }}", {"1.0.0-plain"}),
        ("a/b:${{ inputs.flavour == 'full' && 'big' || 'small' }}-${{ inputs.tag }}", {"small-1.0.0"}),
        ("a/b:${{ inputs.latest && 'latest' || inputs.tag }}", {"1.0.0"}),
        ("a/b:${{ github.sha }}", {"0123456789abcdef0123456789abcdef01234567"}),
    ],
)
def test_tags__with_expressions__are_the_same(tags: str, expected: set[str]) -> None:
    matrix = matrix_of(workflow(f'tags: "{tags}"'), facts=on_branch("main"))
    assert {tag for _, _, tag in tags_of(matrix)} == expected


SCRIPTS = [
    'echo "tags<<EOF" >> $GITHUB_OUTPUT\necho "a/b:$TAG" >> $GITHUB_OUTPUT\nif [[ $LATEST == true ]]; then echo "a/b:latest" >> $GITHUB_OUTPUT; fi\necho EOF >> $GITHUB_OUTPUT',  # noqa: E501
    '{\n  echo "tags<<EOF"\n  echo "a/b:${TAG}"\n  if [ "${LATEST}" = "true" ]; then\n    echo "a/b:latest"\n  fi\n  echo "EOF"\n} >> "$GITHUB_OUTPUT"',  # noqa: E501
    'image=a/b\ntags="$image:$TAG"\nif [ "$LATEST" != "true" ]; then\n  :\nelse\n  tags="$tags,$image:latest"\nfi\necho "tags=$tags" >> "$GITHUB_OUTPUT"',  # noqa: E501
    'set -euo pipefail\nif ${{ inputs.latest }}; then\n  echo "tags=a/b:$TAG,a/b:latest" >> "$GITHUB_OUTPUT"\nelse\n  echo "tags=a/b:$TAG" >> "$GITHUB_OUTPUT"\nfi',  # noqa: E501
    'for suffix in ""; do\n{ printf "%s\\n" "tags<<END" "a/b:$TAG$suffix"; [ 1 = 1 ]; } >> "$GITHUB_OUTPUT"\ndone',
]


def shell_step(script: str) -> str:
    rows = "\n".join(f"    {line}" for line in script.splitlines())
    return f"- id: t\n  env: {{ TAG: '${{{{ inputs.tag }}}}', LATEST: '${{{{ inputs.latest }}}}' }}\n  run: |\n{rows}"


@pytest.mark.parametrize("script", SCRIPTS[:4])
def test_shell_script__that_echoes_tags__is_understood(script: str) -> None:
    imported = workflow("tags: ${{ steps.t.outputs.tags }}", before=shell_step(script))
    assert imported.left_out == ()
    assert {tag for _, _, tag in tags_of(matrix_of(imported))} == {"1.0.0"}
    assert {tag for _, _, tag in tags_of(matrix_of(imported, latest=True))} == {"1.0.0", "latest"}


@pytest.mark.parametrize(
    "script",
    [
        SCRIPTS[4],
        'echo "tags=a/b:$(git describe)" >> "$GITHUB_OUTPUT"',
        'echo "tags=a/b:${TAG%.*}" >> "$GITHUB_OUTPUT"',
        "x=${TAG}\n" + 'x="$x$x"\n' * 100 + 'echo "tags=a/b:$x" >> "$GITHUB_OUTPUT"',
        "x=1\n" + 'if [ "$TAG" = "$x" ]; then\n  x=2\nfi\n' * 100 + 'echo "tags=a/b:$x" >> "$GITHUB_OUTPUT"',
        'while true; do\necho "tags=a/b:1" >> "$GITHUB_OUTPUT"\ndone',
        'if [ 1 = 1 ]; then\necho "tags=a/b:1" >> "$GITHUB_OUTPUT"',
        'echo "tags=a/b:1" | tee -a "$GITHUB_OUTPUT"',
        'python3 tags.py >> "$GITHUB_OUTPUT"',
        'echo "unfinished >> "$GITHUB_OUTPUT"',
    ],
)
def test_shell_script__beyond_echo__is_left_out_and_so_are_its_tags(script: str) -> None:
    imported = workflow("tags: ${{ steps.t.outputs.tags }}", before=shell_step(script))
    assert any(remark.what == "the outputs of its script" for remark in imported.left_out)
    assert any("known only when the workflow runs" in remark.why for remark in imported.left_out)
    assert tags_of(matrix_of(imported)) == set()


def test_inputs_of_the_step__of_every_kind__become_settings() -> None:
    imported = workflow(
        "context: ./images/app\ntarget: app\nplatforms: linux/amd64,linux/arm64\ntags: a/b:${{ inputs.tag }}\n"
        "build-args: |\n  VERSION=${{ inputs.tag }}\n  SIZE=${{ inputs.latest && 'big' || 'small' }}\n"
        "  KEY=${{ secrets.KEY }}\n"
        "labels: |\n  org.example=a=b\nannotations: |\n  index:org.example=1\nno-cache: true\n"
        "pull: ${{ inputs.latest }}\nnetwork: host\nulimit: nofile=1:2\nssh: default\nbuild-contexts: |\n  data=docker-image://busybox\n"
        "secrets: |\n  token=${{ secrets.TOKEN }}\ncache-from: type=gha\ncache-to: type=gha,mode=max\n"
        "outputs: type=image,push=true\nsbom: false\nprovenance: false\nshm-size: 1g"
    )
    (variant,) = matrix_of(imported).variants
    built = variant.platforms[1].settings
    assert (built.context, built.dockerfile, built.target) == ("images/app", "images/app/Dockerfile", "app")
    assert dict(built.args) == {"VERSION": "1.0.0", "SIZE": "small"}
    assert dict(matrix_of(imported, latest=True).variants[0].platforms[0].settings.args)["SIZE"] == "big"
    assert (dict(built.labels), dict(built.annotations)) == ({"org.example": "a=b"}, {"index:org.example": "1"})
    assert (built.no_cache, built.pull, built.network) == (True, False, "host")
    assert matrix_of(imported, latest=True).variants[0].platforms[0].settings.pull
    assert (built.ulimits, built.ssh) == (("nofile=1:2",), ("default",))
    assert dict(built.contexts) == {"data": "docker-image://busybox"}
    assert built.secrets[0]["env"] == "TOKEN"
    assert (built.cache_from, built.cache_to) == (("type=gha",), ("type=gha,mode=max",))
    assert (built.attestations.sbom, built.attestations.provenance) == ("none", "none")
    assert {remark.what for remark in imported.left_out} == {"build-args KEY", "shm-size"}


def test_jobs__reusable_and_local_actions__are_named() -> None:
    text = (
        HEAD
        + "      - uses: ./.github/actions/prepare\n"
        + "      - uses: docker/build-push-action@v6\n        with: { tags: 'a/b:1' }\n"
        + "  other:\n    uses: ./.github/workflows/other.yml\n"
    )
    left = [str(remark) for remark in from_workflow(text).left_out]
    assert any("./.github/actions/prepare" in entry for entry in left)
    assert any("job other: uses: ./.github/workflows/other.yml" in entry for entry in left)


def test_job_a_platform__matrix_over_platforms__is_one_variant() -> None:
    text = (
        HEAD.replace("    steps:", "    strategy: { matrix: { platform: [linux/amd64, linux/arm64] } }\n    steps:")
        + "      - uses: docker/build-push-action@v6\n"
        + "        with: { platforms: '${{ matrix.platform }}', tags: 'a/b:1.0.0' }\n"
    )
    (variant,) = matrix_of(from_workflow(text)).variants
    assert [str(image.platform) for image in variant.platforms] == ["linux/amd64", "linux/arm64"]


def test_job_a_platform__pushed_by_digest__has_the_tags_of_the_job_that_joins() -> None:
    imported = from_workflow(FIXTURES / "platform-jobs.yml")
    (variant,) = matrix_of(imported, facts=on_tag("v1.2.3")).variants
    assert [str(image.platform) for image in variant.platforms] == ["linux/amd64", "linux/arm64"]
    assert [image.settings.cache_from for image in variant.platforms] == [
        ("type=gha,scope=linux/amd64",),
        ("type=gha,scope=linux/arm64",),
    ]
    assert [image.ci["runs-on"] for image in variant.platforms] == ["ubuntu-24.04", "ubuntu-24.04-arm"]
    assert [tag.tag for tag in variant.tags] == ["1.2.3", "latest", "1.2"]
    assert variant.repositories == ("ghcr.io/example/app",)


def test_output_of_another_job__version_without_v__is_the_version() -> None:
    text = (
        "on: { push: { tags: ['v*'] } }\njobs:\n  vars:\n    outputs: { version: '${{ steps.v.outputs.version }}' }\n"
        '    steps:\n      - id: v\n        run: echo "version=${GITHUB_REF_NAME#v}" >> "$GITHUB_OUTPUT"\n'
        "  build:\n    needs: vars\n    steps:\n      - uses: docker/build-push-action@v6\n"
        "        with:\n          tags: a/b:${{ needs.vars.outputs.version }}\n"
        "          context: '{{defaultContext}}:sub'\n          file: x.Dockerfile\n"
    )
    imported = from_workflow(text)
    assert imported.left_out == ()
    (variant,) = matrix_of(imported, facts=on_tag("v1.2.3")).variants
    assert [(tag.tag, tag.rule) for tag in variant.tags] == [("1.2.3", "{version.plain}{-suffix}")]
    built = variant.platforms[0].settings
    assert (built.context, built.dockerfile) == ("sub", "sub/x.Dockerfile")


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

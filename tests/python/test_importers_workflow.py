"""Release files made of workflows of GitHub Actions."""

from __future__ import annotations

from dataclasses import replace

import pytest

import shipset
from importing import FIXTURES, HEAD, ORIGINAL, SHA, matrix_of, on_branch, on_tag, tags_of, what_is_built, workflow
from shipset.importers import from_workflow


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


def test_matrix_with_metadata__rules_without_template__stay_rules_of_the_dialect() -> None:
    imported = from_workflow(FIXTURES / "metadata-matrix.yml", repository="Example/App")
    assert '{ rule = "type=ref,event=pr" }' in imported.toml
    assert '{ rule = "type=match,group=1,pattern=v(.*)" }' in imported.toml
    assert "flavor" not in imported.toml, "its suffix is that of the variants"
    event = {"ref": "refs/pull/7/merge", "sha": SHA}
    facts = replace(on_branch("main", "push"), event=shipset.FrozenMap(event))
    tags = {tag for name, _, tag in tags_of(matrix_of(imported, facts=facts)) if name == "gpu"}
    assert "pr-7-gpu" in tags
    left = {remark.what: remark.why for remark in imported.left_out}
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

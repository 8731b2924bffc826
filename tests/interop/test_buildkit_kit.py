"""The kit itself, and the example's Dockerfile on it, with plain buildx: what the tests of real builds stand on."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from buildkit_kit import Kit, node
from conftest import MODEL_RUNNER, ROOT, need, run
from image_files import Image, images

BOTH = ("linux/amd64", "linux/arm64")
AMD64 = BOTH[:1]
CUDA12 = "nvidia/cuda:12.9.0-runtime-ubuntu24.04"
CUDA13 = "nvidia/cuda:13.0.2-runtime-ubuntu24.04"
VLLM = {"VLLM_VERSION": "0.12.0", "VLLM_CUDA_VERSION": "cu130", "VLLM_PYTHON_TAG": "cp38-abi3"}
ELF_MACHINE = {"linux/amd64": 62, "linux/arm64": 183}


@dataclass(frozen=True)
class Case:
    target: str
    platforms: tuple[str, ...]
    base: str
    llama: str
    engine: str = "llama.cpp"

    def arguments(self, extra: dict[str, str]) -> dict[str, str]:
        base = {} if self.base == "ubuntu:26.04" else {"BASE_IMAGE": self.base}
        llama = {} if self.llama == "cpu" else {"LLAMA_SERVER_VARIANT": self.llama}
        return {"LLAMA_SERVER_VERSION": "1.2.3"} | base | llama | extra


CASES = {
    "cpu": Case("final-llamacpp", BOTH, "ubuntu:26.04", "cpu"),
    "cuda": Case("final-llamacpp", BOTH, CUDA12, "cuda"),
    "vllm-cuda": Case("final-vllm", BOTH, CUDA13, "cuda", "vllm"),
    "sglang-cuda": Case("final-sglang", AMD64, CUDA12, "cuda", "sglang"),
    "rocm": Case("final-llamacpp", AMD64, "rocm/dev-ubuntu-22.04", "rocm"),
    "musa": Case("final-llamacpp", AMD64, "mthreads/musa:rc4.3.0-runtime-ubuntu22.04-amd64", "musa"),
    "cann": Case("final-llamacpp", BOTH, "ascendai/cann:8.2.rc2-910b-ubuntu22.04-py3.11", "cann"),
}
EXTRA = {"vllm-cuda": VLLM, "sglang-cuda": {"SGLANG_VERSION": "0.4.0"}}


def build(kit: Kit, builder: str, case: Case, layout: Path, extra: dict[str, str]) -> dict[str, Image]:
    options = [item for name, value in case.arguments(extra).items() for item in ("--build-arg", f"{name}={value}")]
    kit.buildx(
        *("build", "--builder", builder, "--target", case.target, "--platform", ",".join(case.platforms), *options),
        *("--output", f"type=oci,dest={layout},tar=false", MODEL_RUNNER),
    )
    return images(layout)


@pytest.mark.parametrize("variant", CASES)
def test_dockerfile__each_variant__holds_what_its_arguments_say(buildkit: Kit, tmp_path: Path, variant: str) -> None:
    case = CASES[variant]
    found = build(buildkit, "one", case, tmp_path / "layout", EXTRA.get(variant, {}))
    assert sorted(found) == sorted(case.platforms)
    for platform, image in found.items():
        config = image.config["config"]
        assert config["Entrypoint"] == ["/app/model-runner"]
        assert config["User"] == "modelrunner"
        assert config["Labels"]["com.docker.desktop.service"] == "model-runner"
        environment = image.environment()
        assert environment["MODEL_RUNNER_PORT"] == "12434"
        assert environment["LLAMA_SERVER_PATH"] == "/app/bin"
        of_base = ":/usr/local/Ascend/driver/lib64" if variant == "cann" else ""
        assert environment["LD_LIBRARY_PATH"] == f"/app/lib{of_base}"
        assert [path for path in image.files if "/.cache/" in path] == []
        assert image.text("standin/base").split()[0].removeprefix("library/").removesuffix(":latest") == case.base
        architecture = platform.partition("/")[2]
        assert image.text("app/lib/libllama.so") == f"llama-server 1.2.3 {case.llama} {architecture}\n"
        program = image.files["app/model-runner"]
        assert int.from_bytes(program[18:20], "little") == ELF_MACHINE[platform]
        about = json.loads(image.text("etc/model-runner/variant.json"))
        assert (about["name"], about["engine"]) == (variant, case.engine)
        assert "modelrunner:x:990:990:" in image.text("etc/passwd")
        assert image.entries["models"].uid == 990
        check_calls(variant, platform, image.text("standin/calls").splitlines())
    if "linux/arm64" not in case.platforms:
        return
    assert found["linux/amd64"].files["app/model-runner"] != found["linux/arm64"].files["app/model-runner"]


@pytest.mark.parametrize("dockerfile", ["docker/Dockerfile", "examples/model-runner/Dockerfile"])
def test_dockerfile__checked_by_buildkit__has_no_warning(buildkit: Kit, dockerfile: str) -> None:
    context = ROOT if dockerfile.startswith("docker/") else MODEL_RUNNER
    checked = buildkit.buildx(
        *("build", "--builder", "one", "--call", "check,format=json", "--file", ROOT / dockerfile, context), check=False
    )
    assert json.loads(checked.stdout)["warnings"] is None


def check_calls(variant: str, platform: str, calls: list[str], *, vllm: str = "0.12.0", sglang: str = "0.4.0") -> None:
    assert "apt-get install --yes --no-install-recommends ca-certificates libgomp1" in calls
    python = [call for call in calls if call.startswith("uv ")]
    if variant == "vllm-cuda" and platform == "linux/amd64":
        assert len(python) == 1
        assert python[0].endswith(f"/v{vllm}/vllm-{vllm}%2Bcu130-cp38-abi3-manylinux_2_31_x86_64.whl")
    elif variant == "vllm-cuda":
        assert [call.split()[-1] for call in python] == [f"vllm=={vllm}"]
    elif variant == "sglang-cuda":
        assert [call.split()[-1] for call in python] == [f"sglang[all]=={sglang}"]
        assert any("cuda-toolkit-13-0" in call for call in calls)
    else:
        assert python == []


def test_dockerfile__novllm_program__refuses_the_engine_that_it_was_built_without(
    buildkit: Kit, tmp_path: Path
) -> None:
    """The two programs differ by their build tag: only the one of final-sglang was built without vLLM."""
    says = {}
    for variant in ("sglang-cuda", "vllm-cuda"):
        image = build(buildkit, "one", CASES[variant], tmp_path / variant, EXTRA[variant])["linux/amd64"]
        program = tmp_path / f"{variant}.program"
        program.write_bytes(image.files["app/model-runner"])
        program.chmod(0o755)
        about = tmp_path / "variant.json"
        about.write_text('{"name": "x", "engine": "vllm", "devices": []}')
        environment = {"MODEL_RUNNER_VARIANT_FILE": str(about)}
        says[variant] = subprocess.run([program, "--version"], env=environment, capture_output=True, text=True)
    assert says["vllm-cuda"].returncode == 0
    assert says["sglang-cuda"].returncode == 1
    assert "built without" in says["sglang-cuda"].stderr


def test_builder_two__both_platforms__each_node_builds_its_own(buildkit: Kit, tmp_path: Path) -> None:
    stages = [f"FROM ubuntu:26.04 AS {one}\nRUN uname -m > /machine # {tmp_path} {one}\n" for one in ("amd64", "arm64")]
    (tmp_path / "Dockerfile").write_text("".join([*stages, "FROM $TARGETARCH\n"]))
    layout, reference = tmp_path / "layout", f"{buildkit.mirror}/tests/two:both"
    before = [steps(buildkit, one.address) for one in buildkit.nodes]
    buildkit.buildx(
        *("build", "--builder", "two", "--platform", "linux/amd64,linux/arm64"),
        *("--output", f"type=image,name={reference},push=true", tmp_path),
    )
    run(need("crane"), "pull", "--insecure", "--format", "oci", reference, layout)
    found = images(layout)
    assert {platform: image.text("machine").strip() for platform, image in found.items()} == {
        "linux/amd64": "x86_64",
        "linux/arm64": "aarch64",
    }
    fresh = [steps(buildkit, one.address) - known for one, known in zip(buildkit.nodes, before, strict=True)]
    assert [{step.split()[-1] for step in one if str(tmp_path) in step} for one in fresh] == [{"amd64"}, {"arm64"}]


def steps(kit: Kit, address: str) -> set[str]:
    """What a node has in its cache, as BuildKit describes it."""
    done = subprocess.run([need("buildctl"), "--addr", address, "du", "--verbose"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = [line.partition("Description:")[2].strip() for line in done.stdout.splitlines()]
    return {line for line in lines if line}


def test_node__mirror_only__asks_no_other_registry_for_a_stand_in(buildkit: Kit, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM nvidia/cuda:0.0.0-nowhere\n")
    failed = buildkit.buildx("build", "--builder", "one", tmp_path, check=False)
    assert failed.returncode != 0
    assert "nvidia/cuda:0.0.0-nowhere" in failed.stderr


def test_base__moved__is_seen_while_it_is_moved(buildkit: Kit, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM rocm/dev-ubuntu-22.04\n")
    options = ("build", "--builder", "one", "--output", f"type=oci,dest={tmp_path / 'layout'},tar=false", tmp_path)
    name = "rocm/dev-ubuntu-22.04:latest"
    with buildkit.moved_base(name) as digest:
        assert digest != buildkit.bases[name]
        buildkit.buildx(*options)
        assert "moved" in images(tmp_path / "layout")["linux/amd64"].text("standin/base")
    shutil.rmtree(tmp_path / "layout")
    buildkit.buildx(*options)
    assert "moved" not in images(tmp_path / "layout")["linux/amd64"].text("standin/base")


def test_kit__pruned__has_nothing_in_its_caches(buildkit: Kit, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM ubuntu:26.04\nRUN true # {tmp_path}\n")
    buildkit.buildx("build", "--builder", "one", tmp_path)
    assert steps(buildkit, buildkit.nodes[0].address)
    buildkit.prune()
    assert [steps(buildkit, one.address) for one in buildkit.nodes] == [set(), set()]


def test_node__small_file_system__is_full(buildkit: Kit, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM ubuntu:26.04\nRUN dd if=/dev/zero of=/large bs=1M count=200\n")
    with node("small", buildkit.directory / "small", buildkit.mirror, size_mib=64) as small:
        buildkit.create_builder("small", (small, ""))
        failed = buildkit.buildx("build", "--builder", "small", tmp_path, check=False)
        buildkit.buildx("rm", "small")
    assert failed.returncode != 0
    assert "No space left on device" in failed.stderr
    assert str(buildkit.directory / "small") not in Path("/proc/self/mounts").read_text()


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A socket's name has room for some hundred bytes; pytest's folders take most of them."""
    with tempfile.TemporaryDirectory(prefix="kit-") as folder:
        yield Path(folder)


def test_kit__killed__leaves_nothing_after_the_next_one(buildkit: Kit, short_path: Path) -> None:
    """A second kit in a process that is killed: its daemons end with it, and the next kit takes its mounts away."""
    script = ROOT / "tests" / "interop" / "buildkit_kit.py"
    environment = os.environ | {"TMPDIR": str(short_path)}
    arguments = [sys.executable, str(script)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("export BUILDX_CONFIG=")
        (left,) = short_path.glob("shipset-kit-*")
        process.kill()
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("export BUILDX_CONFIG=")
        assert not left.exists()
        process.terminate()
    assert list(short_path.glob("shipset-kit-*")) == []
    assert str(short_path) not in Path("/proc/self/mounts").read_text()

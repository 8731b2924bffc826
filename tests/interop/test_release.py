"""The whole example release into real registries, read back by other programs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from conftest import ALL_INPUTS, SUFFIXES, Registry, free_port, need, run

TAGS = sorted(f"{name}{suffix}" for suffix in SUFFIXES for name in ("v1.0.0", "latest"))


def release(example: Path, to: str) -> dict[str, object]:
    done = run(
        *("shipset", "release", example / "shipset.toml", "--backend", "native", "--to", to, *ALL_INPUTS),
        *("--format", "json"),
    )
    report: dict[str, object] = json.loads(done.stdout)
    return report


def test_release__real_registry__every_peer_reads_it_and_a_second_run_moves_nothing(
    registry: Registry, example: Path, tmp_path: Path
) -> None:
    for peer in ("crane", "regctl", "oras", "skopeo"):
        need(peer)
    first = release(example, registry.host)
    assert first["outcome"] == "released"
    assert first["tags_moved"] == 14
    repository = f"{registry.host}/docker/model-runner"
    listed = [
        tag for tag in run("crane", "ls", repository, "--insecure").stdout.split() if not tag.startswith("sha256-")
    ]
    assert sorted(listed) == TAGS
    for tag in TAGS:
        run("crane", "validate", "--insecure", "--remote", f"{repository}:{tag}")
        raw = run("crane", "manifest", "--insecure", f"{repository}:{tag}").stdout
        index = json.loads(raw)
        images = [item for item in index["manifests"] if item["platform"]["os"] != "unknown"]
        assert len(index["manifests"]) == 2 * len(images)
        run("skopeo", "inspect", "--tls-verify=false", f"docker://{repository}:{tag}")
    copied = tmp_path / "copied"
    run("skopeo", "copy", "--all", "--src-tls-verify=false", f"docker://{repository}:latest-cuda", f"oci:{copied}:cuda")
    assert json.loads(run("skopeo", "inspect", "--raw", f"oci:{copied}:cuda").stdout)
    run("crane", "pull", "--insecure", "--platform", "linux/arm64", f"{repository}:v1.0.0", tmp_path / "pulled.tar")
    assert (tmp_path / "pulled.tar").stat().st_size > 100_000
    run("shipset", "verify", f"{repository}:v1.0.0-vllm-cuda")

    second = release(example, registry.host)
    assert second["outcome"] == "nothing to do"
    assert second["bytes_moved"] == 0
    assert second["tags_moved"] == 0


def test_release__one_upload_per_distinct_blob_in_the_whole_release(example: Path, tmp_path: Path) -> None:
    from conftest import serve

    with serve("plain", tmp_path / "registry") as registry:
        report = release(example, registry.host)
        blobs = sum(
            1
            for path in (registry.directory / "content").rglob("data")
            if "/blobs/sha256/" in str(path) and "/repositories/" not in str(path)
        )
    target = report["targets"][0]  # type: ignore[index]
    # The registry keeps manifests as blobs too, and for want of the referrers API a list for each variant index.
    assert target["blobs_moved"] + target["manifests_pushed"] + len(report["variants"]) == blobs  # type: ignore[arg-type]


@pytest.mark.parametrize("architecture", ["amd64", "arm64"])
def test_release__unpacked_image__holds_the_files_and_its_program_answers(
    example: Path, tmp_path: Path, architecture: str
) -> None:
    need("umoci")
    layout = tmp_path / "layout"
    release(example, f"oci:{layout}")
    single = tmp_path / "single"
    run(
        *("skopeo", "copy", "--override-arch", architecture, f"oci:{layout}:v1.0.0-cuda", f"oci:{single}:one"),
    )
    bundle = tmp_path / "bundle"
    run("umoci", "unpack", "--image", f"{single}:one", bundle)
    rootfs = bundle / "rootfs"
    source = example / "native"
    assert (rootfs / "etc/os-release").read_bytes() == (source / "rootfs/etc/os-release").read_bytes()
    program = rootfs / "app/model-runner"
    built = example / "build" / f"linux-{architecture}" / "model-runner"
    assert program.read_bytes() == built.read_bytes()
    assert program.stat().st_mode & 0o7777 == 0o755
    assert (program.stat().st_uid, program.stat().st_gid) == (0, 0)
    models = (rootfs / "models").stat()
    assert (models.st_uid, models.st_gid) == (65532, 65532)
    variant = rootfs / "etc/model-runner"
    for item in (source / "variants/cuda").iterdir():
        assert (variant / item.name).read_bytes() == item.read_bytes()
    assert answers(program, architecture)


def answers(program: Path, architecture: str) -> bool:
    port = free_port()
    emulator = [need("qemu-aarch64-static")] if architecture == "arm64" else []
    environment = os.environ | {"MODEL_RUNNER_PORT": str(port), "MODEL_RUNNER_SOCK": ""}
    with subprocess.Popen([*emulator, str(program)], env=environment) as process:
        try:
            for _ in range(200):
                assert process.poll() is None, "the program ended"
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
                        return bool(answer.status == 200)
                except OSError:
                    time.sleep(0.1)
        finally:
            process.send_signal(signal.SIGTERM)
    return False


def test_release__wrong_password__is_5_and_nothing_is_pushed(example: Path, tmp_path: Path) -> None:
    import base64

    from conftest import serve

    with serve("htpasswd", tmp_path / "registry") as registry:
        config = tmp_path / "docker"
        config.mkdir()
        auth = base64.b64encode(b"tester:wrong-password").decode()
        (config / "config.json").write_text(json.dumps({"auths": {registry.host: {"auth": auth}}}))
        command = ("shipset", "release", example / "shipset.toml", "--backend", "native", "--to", registry.host)
        environment = os.environ | {"DOCKER_CONFIG": str(config), "CI": "1"}
        refused = run(*command, *ALL_INPUTS, check=False, env=environment)
        assert refused.returncode == 5, refused.stderr
        assert "wrong-password" not in refused.stderr
        assert auth not in refused.stderr
        assert registry.host in refused.stderr
        assert not list((registry.directory / "content").rglob("_manifests"))
        auth = base64.b64encode(b"tester:right-password").decode()
        (config / "config.json").write_text(json.dumps({"auths": {registry.host: {"auth": auth}}}))
        run(*command, *ALL_INPUTS, env=environment)


def test_release__port_closed__is_6_and_names_the_host(example: Path) -> None:
    host = f"127.0.0.1:{free_port()}"
    refused = run(
        *("shipset", "release", example / "shipset.toml", "--backend", "native", "--to", host, *ALL_INPUTS), check=False
    )
    assert refused.returncode == 6, refused.stderr
    assert host in refused.stderr


def test_copy__layout_to_registry_and_back__keeps_every_digest(
    registry: Registry, example: Path, tmp_path: Path
) -> None:
    layout, back = tmp_path / "layout", tmp_path / "back"
    release(example, f"oci:{layout}")
    run("shipset", "copy", "--all-tags", f"oci:{layout}", f"{registry.host}/team/model-runner")
    run("shipset", "copy", "--all-tags", f"{registry.host}/team/model-runner", f"oci:{back}")
    digests = {}
    for folder in (layout, back):
        index = json.loads((folder / "index.json").read_text())
        digests[folder] = {
            item["annotations"]["org.opencontainers.image.ref.name"]: item["digest"] for item in index["manifests"]
        }
    assert digests[layout] == digests[back]
    assert sorted(digests[back]) == TAGS


def test_promotion__registry_refuses_the_last_tag__all_tags_go_back(example: Path, tmp_path: Path) -> None:
    """A proxy in front of the real registry refuses one tag, as some registries do for tags that exist."""
    from conftest import serve

    with serve("plain", tmp_path / "registry") as registry:
        release(example, registry.host)
        before = digests_of(registry)
        folder = tmp_path / "changed"
        shutil.copytree(example, folder)
        (folder / "native/rootfs/etc/changed").write_text("changed\n")
        port = free_port()
        proxy = Path(__file__).with_name("refusing_proxy.py")
        upstream = registry.host
        with subprocess.Popen([sys.executable, str(proxy), str(port), upstream, "latest"]) as process:
            try:
                wait_for_port(port)
                refused = run(
                    *("shipset", "release", folder / "shipset.toml", "--backend", "native"),
                    *("--to", f"127.0.0.1:{port}", *ALL_INPUTS, "--input", "release_tag=v1.1.0", "--format", "json"),
                    check=False,
                )
            finally:
                process.terminate()
        report = json.loads(refused.stdout)
        after = digests_of(registry)
        assert {tag: after[tag] for tag in before} == before
        assert set(after) == set(before), "tags that did not exist before are gone again"
        assert refused.returncode == 5, refused.stderr
        assert report["outcome"] == "failed"
        assert {tag["status"] for tag in report["tags"]} <= {"undone", "not_started", "failed"}


def wait_for_port(port: int) -> None:
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail("the proxy did not start")


def digests_of(registry: Registry) -> dict[str, str]:
    repository = f"{registry.host}/docker/model-runner"
    tags = run("crane", "ls", repository, "--insecure").stdout.split()
    return {tag: run("crane", "digest", "--insecure", f"{repository}:{tag}").stdout.strip() for tag in tags}

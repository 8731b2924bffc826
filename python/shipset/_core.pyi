"""Types of the extension; written by cpp/bindings/make_stubs.py."""
from __future__ import annotations
import collections.abc
import os
import typing
__all__: list[str] = ['CancelToken', 'ClientOptions', 'Facts', 'Matrix', 'Plan', 'Spec', 'clean', 'copy', 'diff', 'doctor', 'existing_versions', 'human_bytes', 'inspect', 'keep_list', 'login', 'logout', 'make_plan', 'metadata_tags', 'next_version', 'parse_digest', 'parse_platform', 'parse_reference', 'ping', 'post_gate', 'release_file_schema', 'resume', 'rollback', 'sboms', 'select', 'status', 'thaw_plan', 'verify']
class CancelToken:
    """
    A request to stop, for any number of calls; from any thread.
    """
    def __init__(self) -> None:
        ...
    def cancel(self) -> None:
        """
        Asks every call that has this token to stop.
        """
    @property
    def cancelled(self) -> bool:
        ...
class Facts:
    """
    What the face collected from git, CI, clock and environment.
    """
    def __init__(self, *, git: collections.abc.Mapping[str, str], event_name: str, date_unix_s: int, env: collections.abc.Mapping[str, str], event: collections.abc.Mapping[str, str], source_date_epoch: int | None, commit_time_unix_s: int | None, context_clean: bool, ci_run: str, versions: list[str] | None) -> None:
        ...
class Matrix:
    """
    A release with inputs given.
    """
    def github_outputs(self) -> str:
        ...
    def tags_json(self, *, include_inactive: bool, indented: bool) -> str:
        ...
    def to_json(self, *, indented: bool) -> str:
        ...
    def to_text(self) -> str:
        ...
    @property
    def automatic(self) -> str:
        ...
    @property
    def has_warnings(self) -> bool:
        ...
class Spec:
    """
    A checked release file.
    """
    @staticmethod
    def load(file: os.PathLike[str] | str) -> Spec:
        ...
    @staticmethod
    def parse(text: str, file: os.PathLike[str] | str) -> Spec:
        ...
    def matrix(self, inputs: collections.abc.Mapping[str, str], facts: Facts, version: str | None = None) -> Matrix:
        ...
    @property
    def file(self) -> str:
        ...
    @property
    def input_names(self) -> list[str]:
        ...
    @property
    def inputs_json(self) -> str:
        ...
    @property
    def name(self) -> str:
        ...
    @property
    def text(self) -> str:
        ...
    @property
    def variant_names(self) -> list[str]:
        ...
    @property
    def warnings_json(self) -> str:
        ...
class ClientOptions:
    """
    How registries are reached.
    """
    def __init__(self, *, plain_http: collections.abc.Set[str], insecure_tls: collections.abc.Set[str], ca_file: str, mirrors: collections.abc.Mapping[str, list[str]], client_certificates: collections.abc.Mapping[str, tuple[str, str]], host_files: bool) -> None:
        ...
class Plan:
    """
    Everything that a release will do.
    """
    def bake(self) -> str:
        """
        The images to be built, as a bake file.
        """
    def execute(self, *, goal: str, parts: collections.abc.Sequence[tuple[str, str]] = [], on_event: collections.abc.Callable[..., object] | None = None, cancel: CancelToken | None = None, timeout_s: float | None = None) -> tuple[str, typing.Any, typing.Any]:
        """
        Report as JSON, exception of a failed release or None, exception that stopped it or None.
        """
    def github_matrix(self, *, by_variant: bool, level: int | None) -> str:
        """
        Matrix of the jobs, as JSON on one line.
        """
    def to_json(self, *, indented: bool) -> str:
        ...
    @property
    def id(self) -> str:
        ...
    @property
    def levels(self) -> int:
        ...
    @property
    def nothing_to_do(self) -> bool:
        ...
def clean(directory: os.PathLike[str] | str, *, id: str, staging: str, remove: bool, client: ClientOptions, on_event: collections.abc.Callable[..., object] | None = None, cancel: CancelToken | None = None, timeout_s: float | None = None) -> str:
    """
    What releases left behind, as JSON; removes it when asked.
    """
def copy(source: str, destination: str, *, all_tags: bool, client: ClientOptions, on_event: collections.abc.Callable[..., object] | None = None, cancel: CancelToken | None = None, timeout_s: float | None = None) -> str:
    ...
def diff(one: str, other: str, *, platform: str, packages: bool, client: ClientOptions, on_event: collections.abc.Callable[..., object] | None = None, cancel: CancelToken | None = None, timeout_s: float | None = None) -> str:
    """
    The difference as JSON.
    """
def doctor(place: str, *, write: bool, client: ClientOptions, on_event: collections.abc.Callable[..., object] | None = None, cancel: CancelToken | None = None, timeout_s: float | None = None) -> str:
    """
    Findings as JSON; an empty place is this machine.
    """
def existing_versions(matrix: Matrix, *, destination: str, client: ClientOptions, on_event: collections.abc.Callable[..., object] | None = None, cancel: CancelToken | None = None, timeout_s: float | None = None) -> list[str]:
    """
    Versions that the release's variants have at its destinations.
    """
def human_bytes(size_bytes: int) -> str:
    """
    1536 → 1.5 KiB.
    """
def inspect(reference: str, *, client: ClientOptions, cancel: CancelToken | None = None, timeout_s: float | None = None) -> str:
    ...
def keep_list(location: str, *, client: ClientOptions, cancel: CancelToken | None = None, timeout_s: float | None = None) -> list[str]:
    """
    Every digest that a tag of the repository needs.
    """
def login(host: str, *, username: str, password: str, client: ClientOptions, cancel: CancelToken | None = None, timeout_s: float | None = None) -> str:
    """
    Where the login was stored.
    """
def logout(host: str) -> str:
    """
    Where the login was removed from; empty when there was none.
    """
def make_plan(matrix: Matrix, *, destination: str, backend: str, builder: str, only: list[str], replace_tags: list[str], force_tags: list[str], from_version: str, id: str, results: list[str], parallel: int, mirror_journal: bool, stage_tags: bool, client: ClientOptions, on_event: collections.abc.Callable[..., object] | None = None, cancel: CancelToken | None = None, timeout_s: float | None = None) -> Plan:
    ...
def metadata_tags(*, images: list[str], tags: list[str], flavor: list[str], event: collections.abc.Mapping[str, str], short_sha_length: str, now_unix_ms: int, commit_unix_ms: int, zone: collections.abc.Callable[[str, int], tuple[int, str] | None]) -> tuple[list[str], str | None, list[str], bool, list[str]]:
    """
    Tags, version, partial versions, latest, warnings.
    """
def next_version(spec: Spec, inputs: collections.abc.Mapping[str, str], facts: Facts, *, step: str, git: bool, in_registry: bool, destination: str, client: ClientOptions, on_event: collections.abc.Callable[..., object] | None = None, cancel: CancelToken | None = None, timeout_s: float | None = None) -> str:
    """
    The next version and what it comes after, as JSON.
    """
def parse_digest(text: str) -> str:
    """
    The digest, if it is one.
    """
def parse_platform(text: str) -> tuple[str, str, str, str, list[str], str, str]:
    """
    OS, architecture, variant, OS version, OS features, machine name, normalised form.
    """
def parse_reference(text: str) -> tuple[str, str, str, str, str]:
    """
    Domain, path, tag, digest, familiar form.
    """
def ping(host: str, *, client: ClientOptions, cancel: CancelToken | None = None, timeout_s: float | None = None) -> None:
    """
    Proves that the registry answers and accepts the stored login.
    """
def post_gate(*, id: str, gate: str, result: str, name: str, matrix: Matrix | None, plan: str, staging: str, destination: str, client: ClientOptions, on_event: collections.abc.Callable[..., object] | None = None, cancel: CancelToken | None = None, timeout_s: float | None = None) -> str:
    """
    Posts the result of an external gate; what was posted, as JSON.
    """
def release_file_schema() -> str:
    ...
def resume(directory: os.PathLike[str] | str, *, id: str, staging: str, client: ClientOptions, on_event: collections.abc.Callable[..., object] | None = None, cancel: CancelToken | None = None, timeout_s: float | None = None) -> tuple[str, typing.Any, typing.Any]:
    """
    Goes on with a release; as Plan.execute.
    """
def rollback(directory: os.PathLike[str] | str, *, id: str, staging: str, client: ClientOptions, on_event: collections.abc.Callable[..., object] | None = None, cancel: CancelToken | None = None, timeout_s: float | None = None) -> tuple[str, typing.Any, typing.Any]:
    """
    Puts back what a release moved; as Plan.execute.
    """
def sboms(reference: str, *, platform: str, client: ClientOptions, on_event: collections.abc.Callable[..., object] | None = None, cancel: CancelToken | None = None, timeout_s: float | None = None) -> list[tuple[str, str, str, str]]:
    """
    Platform, digest, source and SPDX document of each image.
    """
def select(reference: str, *, hardware: list[str], platform: str, client: ClientOptions, cancel: CancelToken | None = None, timeout_s: float | None = None) -> str:
    """
    The chosen variant as JSON.
    """
def status(directory: os.PathLike[str] | str, *, id: str, look: bool, staging: str, client: ClientOptions, cancel: CancelToken | None = None, timeout_s: float | None = None) -> str:
    """
    Where releases stand, as JSON.
    """
def thaw_plan(json: str, *, file: str, only: list[str], id: str, builder: str, results: list[str], client: ClientOptions, on_event: collections.abc.Callable[..., object] | None = None, cancel: CancelToken | None = None, timeout_s: float | None = None) -> Plan:
    ...
def verify(reference: str, *, set: str, client: ClientOptions, on_event: collections.abc.Callable[..., object] | None = None, cancel: CancelToken | None = None, timeout_s: float | None = None) -> tuple[bool, str]:
    """
    Whether everything holds, and the findings as JSON.
    """
__version__: str

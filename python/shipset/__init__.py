"""shipset: releases container images in many variants as one transaction.

A release file describes the whole set; :func:`load` reads it, :meth:`Spec.matrix` applies inputs, :func:`plan` looks
at the destinations, :meth:`Plan.execute` releases. Values are immutable and typed; errors derive from
:class:`ShipsetError`. Names load when they are first used, so importing this package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shipset._core import CancelToken as CancelToken
    from shipset._core import __version__ as __version__
    from shipset.ci_event import MetadataEvent as MetadataEvent
    from shipset.cleaning import Cleaning as Cleaning
    from shipset.cleaning import KeptRelease as KeptRelease
    from shipset.cleaning import Leftover as Leftover
    from shipset.cleaning import clean as clean
    from shipset.cleaning import keep_list as keep_list
    from shipset.compare import Difference as Difference
    from shipset.compare import Sbom as Sbom
    from shipset.compare import diff as diff
    from shipset.compare import sbom as sbom
    from shipset.content import CopyResult as CopyResult
    from shipset.content import Verification as Verification
    from shipset.content import VerifiedSet as VerifiedSet
    from shipset.content import copy as copy
    from shipset.content import inspect as inspect
    from shipset.content import verify as verify
    from shipset.diagnosis import Diagnosis as Diagnosis
    from shipset.diagnosis import doctor as doctor
    from shipset.errors import AuthenticationError as AuthenticationError
    from shipset.errors import BuildFailed as BuildFailed
    from shipset.errors import Cancelled as Cancelled
    from shipset.errors import DeadlineExceeded as DeadlineExceeded
    from shipset.errors import DiskError as DiskError
    from shipset.errors import GateRefused as GateRefused
    from shipset.errors import InternalError as InternalError
    from shipset.errors import NetworkError as NetworkError
    from shipset.errors import NotFound as NotFound
    from shipset.errors import PolicyRefused as PolicyRefused
    from shipset.errors import Problem as Problem
    from shipset.errors import RegistryError as RegistryError
    from shipset.errors import ReleaseFailed as ReleaseFailed
    from shipset.errors import ReleaseFileError as ReleaseFileError
    from shipset.errors import ReleaseIncomplete as ReleaseIncomplete
    from shipset.errors import ShipsetError as ShipsetError
    from shipset.errors import TagConflict as TagConflict
    from shipset.errors import TagMoved as TagMoved
    from shipset.errors import UsageError as UsageError
    from shipset.errors import VerificationError as VerificationError
    from shipset.events import Event as Event
    from shipset.facts import Facts as Facts
    from shipset.facts import collect_facts as collect_facts
    from shipset.gates import GateResult as GateResult
    from shipset.gates import PostedGate as PostedGate
    from shipset.gates import post_gate as post_gate
    from shipset.git import GitTag as GitTag
    from shipset.git import prepare_git_tag as prepare_git_tag
    from shipset.matrix import Matrix as Matrix
    from shipset.metadata import MetadataTags as MetadataTags
    from shipset.metadata import metadata_tags as metadata_tags
    from shipset.progress import Progress as Progress
    from shipset.progress import live as live
    from shipset.recovery import ReleaseStatus as ReleaseStatus
    from shipset.recovery import Status as Status
    from shipset.recovery import TagStatus as TagStatus
    from shipset.recovery import resume as resume
    from shipset.recovery import rollback as rollback
    from shipset.recovery import status as status
    from shipset.registry import RegistryOptions as RegistryOptions
    from shipset.registry import login as login
    from shipset.registry import logout as logout
    from shipset.registry import ping as ping
    from shipset.release import Plan as Plan
    from shipset.release import Result as Result
    from shipset.release import plan as plan
    from shipset.report import Report as Report
    from shipset.selection import Selection as Selection
    from shipset.selection import select as select
    from shipset.spec import Spec as Spec
    from shipset.spec import check as check
    from shipset.spec import load as load
    from shipset.spec import parse as parse
    from shipset.spec import schema as schema
    from shipset.tags import TagTable as TagTable
    from shipset.tags import github_outputs as github_outputs
    from shipset.tags import tag_table as tag_table
    from shipset.values import Digest as Digest
    from shipset.values import FrozenMap as FrozenMap
    from shipset.values import Platform as Platform
    from shipset.values import Reference as Reference
    from shipset.variant import Variant as Variant
    from shipset.versions import NextVersion as NextVersion
    from shipset.versions import next_version as next_version

_NAMES = {
    "_core": ("CancelToken", "__version__"),
    "compare": ("Difference", "Sbom", "diff", "sbom"),
    "cleaning": ("Cleaning", "KeptRelease", "Leftover", "clean", "keep_list"),
    "content": ("CopyResult", "Verification", "VerifiedSet", "copy", "inspect", "verify"),
    "diagnosis": ("Diagnosis", "doctor"),
    "errors": (
        "AuthenticationError",
        "BuildFailed",
        "Cancelled",
        "DeadlineExceeded",
        "DiskError",
        "GateRefused",
        "InternalError",
        "NetworkError",
        "NotFound",
        "PolicyRefused",
        "Problem",
        "RegistryError",
        "ReleaseFailed",
        "ReleaseFileError",
        "ReleaseIncomplete",
        "ShipsetError",
        "TagConflict",
        "TagMoved",
        "UsageError",
        "VerificationError",
    ),
    "events": ("Event",),
    "facts": ("Facts", "collect_facts"),
    "gates": ("GateResult", "PostedGate", "post_gate"),
    "git": ("GitTag", "prepare_git_tag"),
    "matrix": ("Matrix",),
    "ci_event": ("MetadataEvent",),
    "metadata": ("MetadataTags", "metadata_tags"),
    "progress": ("Progress", "live"),
    "recovery": ("ReleaseStatus", "Status", "TagStatus", "resume", "rollback", "status"),
    "registry": ("RegistryOptions", "login", "logout", "ping"),
    "release": ("Plan", "Result", "plan"),
    "report": ("Report",),
    "selection": ("Selection", "select"),
    "spec": ("Spec", "check", "load", "parse", "schema"),
    "tags": ("TagTable", "github_outputs", "tag_table"),
    "variant": ("Variant",),
    "values": ("Digest", "FrozenMap", "Platform", "Reference"),
    "versions": ("NextVersion", "next_version"),
}
_PLACES = {name: module for module, names in _NAMES.items() for name in names}
__all__ = sorted(_PLACES)  # noqa: PLE0605 (the same names as above, held together by a test)


def __getattr__(name: str) -> Any:
    module = _PLACES.get(name)
    if module is None:
        raise AttributeError(f"module 'shipset' has no attribute {name!r}")
    value = getattr(import_module(f"shipset.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_PLACES})

"""What people see of a matrix, a tag table, a plan and a report: facts and tables. Plain text in, no markup."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipset import _core
from shipset.display import Page, Row, Table

if TYPE_CHECKING:
    from shipset.cleaning import Cleaning
    from shipset.matrix import Matrix
    from shipset.recovery import ReleaseStatus, Status
    from shipset.release import Plan
    from shipset.report.report import Report
    from shipset.report.values import GateReport, TagReport
    from shipset.tags import TagEntry, TagTable
    from shipset.variant import Gate, Variant

_TONES = {"done": "good", "failed": "bad", "undone": "bad", "foreign": "bad", "not_started": "dim", "skipped": "dim"}


def matrix_page(matrix: Matrix) -> Page:
    """One row a variant."""
    rows = tuple(
        Row(
            (
                variant.name,
                ", ".join(str(image.platform) for image in variant.platforms),
                _made_from(variant),
                ", ".join(tag.tag for tag in variant.tags) or "none",
                f"when {variant.when}" if variant.when else "always",
            ),
            "" if variant.active else "dim",
        )
        for variant in matrix.variants
    )
    title = " ".join(part for part in (matrix.name, matrix.version) if part)
    images = sum(len(variant.platforms) for variant in matrix.variants if variant.active)
    active = sum(variant.active for variant in matrix.variants)
    notes = (f"{active} of {len(matrix)} variants are on, {images} platform images", *map(str, matrix.warnings))
    return Page(title, (), (Table("", ("variant", "platforms", "made from", "tags", "built"), rows, notes),))


def _made_from(variant: Variant) -> str:
    """What people would call its source, from its first platform."""
    if not variant.platforms:
        return ""
    settings = variant.platforms[0].settings
    if settings.backend == "prebuilt":
        return settings.prebuilt
    if settings.backend == "native":
        return f"native on {settings.native.base}" if settings.native else "native"
    base = settings.bases[0] if settings.bases else None
    on = f" on {base.image or 'variant:' + base.variant}" if base else ""
    return (settings.target or settings.dockerfile) + on


def tags_page(table: TagTable) -> Page:
    """One row a tag."""
    rows = tuple(
        Row((entry.reference, _points_at(entry), entry.moves, entry.reason), "" if entry.active else "dim")
        for entry in table.entries
    )
    title = " ".join(part for part in (table.name, table.version) if part)
    return Page(title, (), (Table("", ("tag", "points at", "moves", "why"), rows, (f"{len(rows)} tags",)),))


def _points_at(entry: TagEntry) -> str:
    platforms = ", ".join(map(str, entry.platforms))
    if not platforms:
        return entry.variant
    return f"{entry.variant}: index of {platforms}" if entry.index else f"{entry.variant}: {platforms}"


def plan_page(plan: Plan) -> Page:
    """Facts and tables for people."""
    building = [variant for variant in plan.variants if variant.action in ("build", "repair")]
    images = sum(len(variant.images) for variant in building)
    left = {target.repository: target for target in plan.targets if target.left_out}
    acts = [tag.action for tag in plan.tags if tag.repository not in left]
    moving = sum(action in ("create", "move", "decide") for action in acts)
    facts: tuple[tuple[str, str], ...] = (
        ("to", ", ".join(target.location for target in plan.targets if not target.left_out)),
        *((("left out", ", ".join(target.location for target in left.values())),) if left else ()),
        ("builds", f"{len(building)} variants, {images} platform images" if building else "nothing"),
        ("tags", f"{moving} to set, {acts.count('keep')} already right, {acts.count('refuse')} stay by rule"),
        ("disk", f"up to {_core.human_bytes(plan.disk_bytes)} for a while" if plan.disk_bytes else "nothing"),
        ("id", plan.id),
    )
    if plan.nothing_to_do:
        facts = (("result", "nothing to do"), *facts)
    title = " ".join(part for part in ("Plan:", plan.name, plan.version) if part)
    warnings = Table("Warnings", (), (), tuple(map(str, plan.warnings)))
    tables = (_plan_gates(plan), _plan_variants(plan), _plan_tags(plan), warnings)
    return Page(title, facts, tuple(table for table in tables if table.rows or table.notes))


def _plan_gates(plan: Plan) -> Table:
    rows = tuple(
        Row((gate.name, gate.at, _judge(gate), ", ".join(gate.variants) or "all", "" if gate.required else "no"))
        for gate in plan.gates
    )
    return Table("Gates", ("gate", "at", "by", "variants", "required"), rows)


def _judge(gate: Gate) -> str:
    """Who says yes or no."""
    if gate.budget is not None:
        return f"budget: {gate.budget}"
    return " ".join(gate.run) or "another job"


def _plan_variants(plan: Plan) -> Table:
    quiet = ("inactive", "absent", "excluded")
    rows = tuple(
        Row(
            (
                variant.name,
                variant.action,
                ", ".join(str(image.platform) for image in variant.images),
                variant.build_key.brief if variant.build_key else "",
                variant.why,
            ),
            "dim" if variant.action in quiet else "good" if variant.action == "present" else "",
        )
        for variant in plan.variants
    )
    return Table("Variants", ("variant", "action", "platforms", "build key", "why"), rows)


def _plan_tags(plan: Plan) -> Table:
    rows = tuple(
        Row(
            (
                tag.reference,
                tag.action,
                tag.variant,
                tag.current.digest.brief if tag.current else "",
                tag.reason,
            ),
            {"keep": "good", "refuse": "dim"}.get(tag.action, ""),
        )
        for tag in plan.tags
    )
    return Table("Tags, in the order of promotion", ("tag", "action", "variant", "now", "why"), rows)


def report_page(report: Report) -> Page:
    """Facts and tables for people."""
    moved = f"{report.bytes_moved} bytes, {report.tags_moved} tags"
    if report.bytes_moved >= 1024:  # noqa: PLR2004 (below, the exact number says more)
        moved = f"{_core.human_bytes(report.bytes_moved)}, {report.tags_moved} tags"
    if again := sum(target.bytes_again for target in report.targets):
        moved += f" ({_core.human_bytes(again)} sent again after a broken upload)"
    facts = [
        ("outcome", report.outcome),
        ("moved", moved),
        *((("to", ", ".join(to)),) if (to := [one.name for one in report.targets if one.error is None]) else ()),
        *((("left out", ", ".join(left)),) if (left := [one.name for one in report.targets if one.error]) else ()),
        ("took", f"{report.duration_ms / 1000:.1f} s"),
        ("id", report.id),
    ]
    if steps := sum(image.steps.total for variant in report.variants for image in variant.images):
        cached = sum(image.steps.cached for variant in report.variants for image in variant.images)
        facts.insert(3, ("cache", f"{cached} of {steps} steps"))
    if report.outcome == "staged":
        facts.append(("next", f"shipset promote {report.id}"))
    if report.error:
        facts[1:1] = [("error", str(report.error))]
        if report.error.hint:
            facts[2:2] = [("hint", report.error.hint)]
    tables = (_report_gates(report), _report_images(report), _report_tags(report), Table("", (), (), report.warnings))
    title = " ".join(part for part in (report.name, report.version) if part)
    return Page(title, tuple(facts), tuple(table for table in tables if table.rows or table.notes))


def _report_gates(report: Report) -> Table:
    rows = tuple(
        Row(
            (
                gate.name,
                gate.at,
                gate.status if gate.required else f"{gate.status} (not required)",
                f"{gate.duration_ms / 1000:.1f} s" if gate.duration_ms else "",
                f"{len(gate.judged)} images" if gate.judged else "",
                gate.log or gate.result,
            ),
            _TONES.get(gate.status, ""),
        )
        for gate in report.gates
    )
    details = tuple(line for gate in report.gates for line in _gate_notes(gate))
    return Table("Gates", ("gate", "at", "result", "took", "judged", "log or result"), rows, details)


def _gate_notes(gate: GateReport) -> list[str]:
    """What it said, its remarks, and what it measured where that was not said."""
    lines = [f"{gate.name}: {line}" for line in (gate.detail, *gate.notes) if line]
    for measure in gate.measured:
        size = f"{_core.human_bytes(measure.image_bytes)}, largest layer {_core.human_bytes(measure.layer_bytes)}"
        if measure.former_bytes is not None:
            size += f"; {_core.human_bytes(measure.former_bytes)} in {measure.compared_with}"
        lines.append(f"{gate.name}: {measure.variant} {measure.platform}: {size}")
    return lines


def _report_images(report: Report) -> Table:
    rows = []
    for variant in report.variants:
        for image in variant.images:
            digest = image.manifest.digest.brief if image.manifest else ""
            evidence = ", ".join(
                name for name, there in (("sbom", image.sbom), ("provenance", image.provenance)) if there
            )
            size = _core.human_bytes(image.size_bytes) if image.size_bytes else ""
            reasons = () if image.status == "done" or not variant.why else (variant.why,)
            why = str(image.error) if image.error else "; ".join((*reasons, *image.notes))
            cells = (
                variant.name,
                str(image.platform),
                image.status,
                f"{image.duration_ms / 1000:.1f} s" if image.duration_ms else "",
                f"{image.steps.cached}/{image.steps.total}" if image.steps.total else "",
                digest,
                size,
                evidence,
                why,
            )
            rows.append(Row(cells, _TONES.get(image.status, "")))
    head = ("variant", "platform", "result", "took", "cached", "digest", "size", "evidence", "why")
    return Table("Images", head, tuple(rows))


def _why(tag: TagReport) -> str:
    """The reason; of a tag that is not as it should be what is wrong with it, and what it holds."""
    if not tag.detail:
        return tag.reason
    holds = f"; it holds {tag.found_digest.brief}" if tag.found_digest else ""
    return tag.detail + holds


def _report_tags(report: Report) -> Table:
    rows = tuple(
        Row(
            (
                tag.reference,
                tag.status,
                tag.old_digest.brief if tag.old_digest else "",
                tag.new_digest.brief if tag.new_digest else "",
                _why(tag),
            ),
            _TONES.get(tag.status, ""),
        )
        for tag in report.tags
    )
    return Table("Tags", ("tag", "result", "old", "new", "why"), rows)


def status_page(status: Status) -> Page:
    """One row a release, and for one alone its tags too."""
    rows = tuple(
        Row(
            (one.id, f"{one.name} {one.version}".strip(), one.state + (", running" if one.running else ""), one.phase),
            "" if one.next else "dim",
        )
        for one in status.releases
    )
    notes = tuple(one.problem for one in status.releases if one.problem)
    notes = notes if rows else ("no release has a journal here",)
    tables = [Table("", ("id", "release", "state", "last phase"), rows, notes)]
    if len(status.releases) == 1:
        tables += _one_status(status.releases[0])
    return Page("Releases", (), tuple(tables))


def _one_status(one: ReleaseStatus) -> list[Table]:
    tags = tuple(
        Row(
            (
                tag.reference,
                tag.state,
                tag.old_digest.brief if tag.old_digest else "no tag",
                tag.new_digest.brief if tag.new_digest else "",
                tag.holds,
            ),
            "bad" if tag.holds == "other" else "",
        )
        for tag in one.tags
    )
    tables = [Table("Tags", ("tag", "state", "old", "new", "holds now"), tags)] if tags else []
    return [*tables, Table("Next", (), (), one.next)] if one.next else tables


def cleaning_page(cleaning: Cleaning) -> Page:
    """One row a thing that is ours."""
    rows = tuple(
        Row((item.name, item.what, item.status, item.why), {"left": "bad", "removed": "good"}.get(item.status, ""))
        for item in cleaning.items
    )
    listed = any(item.status == "listed" for item in cleaning.items)
    notes = ("nothing to clean",) if not rows else ("shipset clean --yes removes these",) if listed else ()
    kept = tuple(f"{one.release} is kept: {one.why}" for one in cleaning.kept)
    tables = [Table("", ("what", "is", "state", "why"), rows, notes)]
    return Page("Left by releases", (), (*tables, Table("", (), (), kept)) if kept else tuple(tables))

"""Tables as text, HTML and Markdown: what is shown, and that no text from outside becomes markup or a control code."""

from __future__ import annotations

import pytest

from shipset.display import Page, Row, Table, to_html, to_markdown, to_text

TABLE = Table("Tags", ("tag", "why"), (Row(("v1.0.0", "new"), "good"), Row(("v1", ""))), ("2 tags",))
HOSTILE = "<img src=x onerror=alert(1)>|`a`\x1b[31m\n::error::forged"


def test_to_text__columns__line_up_and_lines_have_no_blanks_at_their_end() -> None:
    assert to_text(TABLE).split("\n") == ["Tags", "  TAG     WHY", "  v1.0.0  new", "  v1", "2 tags"]


def test_to_text__page__has_facts_aligned_and_tables_apart() -> None:
    page = Page("App", (("to", "here"), ("builds", "2")), (TABLE, Table("", (), ())))
    assert to_text(page).startswith("App\n  to      here\n  builds  2\n\nTags\n")
    assert not to_text(page).endswith("\n")


def test_to_html__hostile_text__is_only_text() -> None:
    html = to_html(Table(HOSTILE, ("c",), (Row((HOSTILE,)),), (HOSTILE,)))
    assert "<img" not in html
    assert "\x1b" not in html
    assert html.count("&lt;img") == 3


def test_to_html__tones__colour_their_rows_only() -> None:
    assert to_html(TABLE).count('<tr style="color:#1a7f37">') == 1


def test_to_markdown__hostile_text__stays_in_its_cell() -> None:
    text = to_markdown(Table("", ("c", "d"), (Row((HOSTILE, "end")),)))
    row = text.split("\n")[2]
    assert text.count("\n") == 2
    assert "<" not in row
    assert row.endswith("| end |")
    assert row.replace("\\|", "").count("|") == 3


def test_to_markdown__page__has_heading_facts_and_table() -> None:
    text = to_markdown(Page("App 1", (("to", "oci:dist"),), (TABLE,)))
    assert text.startswith("## App 1\n\n- to: oci:dist\n\n### Tags\n\n| tag | why |\n| --- | --- |\n")


@pytest.mark.parametrize("show", [to_text, to_html, to_markdown])
def test_forms__empty_page__do_not_fail(show) -> None:  # type: ignore[no-untyped-def]
    assert "row" not in show(Page("", (), (Table("", (), ()),)))

"""Tables: nothing is wider than the terminal, and no number is ever cut."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from nas.cli.output import Column, Listing, print_csv, print_json
from nas.cli.tables import print_table, table

texts = st.text(st.sampled_from("abc xyz-äß漢字|~"), max_size=40)
rows = st.lists(
    st.fixed_dictionaries(
        {
            "n": st.integers(0, 10**9),
            "text": texts,
            "long": texts,
            "x": st.none() | st.floats(-1e6, 1e6),
            "more": texts,
        }
    ),
    min_size=1,
    max_size=5,
)
COLUMNS = [
    Column("n", number=True),
    Column("text"),
    Column("long", wrap=True),
    Column("x", "x ↓", "s", number=True),
    Column("more", optional=True),
]


def printed(listing: Listing, width: int) -> list[str]:
    out = io.StringIO()
    console = Console(file=out, width=width, markup=False, emoji=False, highlight=False)
    print_table(listing, console)
    return out.getvalue().splitlines()


@given(rows, st.integers(40, 120))
def test_no_line_is_too_wide_and_every_number_is_whole(
    data: list[dict[str, object]], width: int
) -> None:
    listing = Listing(COLUMNS, data)
    lines = printed(listing, width)
    assert max(map(cell_len, lines)) <= width
    assert not any(line.endswith(" ") for line in lines)
    words = " ".join(lines).split()
    for column in COLUMNS:
        if column.number:
            assert set(column.texts(data)[1]) <= set(words)


@given(rows)
def test_with_room_nothing_is_lost(data: list[dict[str, object]]) -> None:
    listing = Listing(COLUMNS, data)
    body = "\n".join(printed(listing, 1000))
    for row in data:
        assert str(row["text"]).rstrip() in body
        assert str(row["more"]).rstrip() in body
        assert str(row["long"]).replace(" ", "") in body.replace(" ", "").replace("\n", "")
    assert "…" not in body


@given(rows, st.integers(60, 100))
def test_columns_are_aligned(data: list[dict[str, object]], width: int) -> None:
    """Whatever script a text is in, numbers of a column end below each other."""
    listing = Listing([Column("text"), Column("n", number=True)], data)
    lines = printed(listing, width)
    assert len({cell_len(line) for line in lines if line[-1:].isdigit()}) == 1


def test_what_a_running_search_shows_is_the_same_table() -> None:
    listing = Listing([Column("a"), Column("b", number=True)], [{"a": "x", "b": 1.0}])
    assert table(listing, 80).plain.splitlines() == printed(listing, 80)


def test_headings_stand_on_the_rule() -> None:
    data = [{"a": "x", "b": 0.002}]
    lines = printed(Listing([Column("a"), Column("b", "b ↓", "s", number=True)], data), 80)
    assert lines == ["   b ↓", "a   ms", "──────", "x    2"]


def test_too_narrow_for_a_table() -> None:
    data = [{"a": "x" * 30, "b": 123_456_789.0}]
    lines = printed(Listing([Column("a"), Column("b", number=True)], data), 20)
    assert lines == [
        "─ 1 ─",
        "a  " + "x" * 17,
        "   " + "x" * 13,
        "b  123,456,789",
    ]


def test_an_empty_table_has_its_headings() -> None:
    assert printed(Listing([Column("a")], []), 80) == ["a", "─"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "true"),
        (0.1, "0.1"),
        (1e300, "1e+300"),
        ("a,b", "a,b"),
        ([1, "x"], '[1, "x"]'),
        ({"k": None}, '{"k": null}'),
        (float("inf"), "inf"),
    ],
)
def test_csv_cells(value: object, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    print_csv(["a"], [{"a": value}])
    assert list(csv.reader(io.StringIO(capsys.readouterr().out))) == [["a"], [text]]


def test_json_has_no_numbers_that_are_none(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": float("nan"), "b": [float("-inf")], "c": b"\x00", "d": "\x7fé"})
    out = capsys.readouterr().out
    assert json.loads(out) == {"a": "nan", "b": ["-inf"], "c": {"base64": "AA=="}, "d": "\x7fé"}
    assert out.isascii()
    assert "\x7f" not in out

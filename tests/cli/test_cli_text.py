"""Names and numbers as people read them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.text import count, duration, number, numbers, one_line, plain, sparkline

finite = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12)


@given(st.text(st.characters()))
def test_nothing_unprintable_is_left(text: str) -> None:
    assert plain(text).isprintable()
    assert one_line(text).isprintable()


@given(st.text().filter(str.isprintable))
def test_printable_text_stays(text: str) -> None:
    assert plain(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", r"\x1b[31mred"),
        ("a\nb\tc", r"a\nb\tc"),
        ("\x9b2J", r"\x9b2J"),
        ("\u202eabc", r"\u202eabc"),
        ("\udc80", r"\udc80"),
    ],
)
def test_what_steers_a_terminal_is_spelled_out(text: str, shown: str) -> None:
    assert plain(text) == shown


def test_white_space_folds() -> None:
    assert one_line("  a\n  b\t c ") == "a b c"


@pytest.mark.parametrize(
    ("n", "noun", "shown"),
    [
        (0, "trial", "0 trials"),
        (1, "trial", "1 trial"),
        (15_625, "architecture", "15,625 architectures"),
        (10, "class", "10 classes"),
        (5, "", "5"),
        (12 * 10**40, "architecture", "about 1.20e41 architectures"),
        (10**400, "", "about 1e400"),
    ],
)
def test_counts(n: int, noun: str, shown: str) -> None:
    assert count(n, noun) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.004, "0.00 s"),
        (0.42, "0.42 s"),
        (0.997, "1.0 s"),
        (59.96, "1 min 00 s"),
        (125, "2 min 05 s"),
        (3599.7, "1 h 00 min"),
        (11_580, "3 h 13 min"),
        (90_000, "1 d 01 h"),
    ],
)
def test_durations(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


@pytest.mark.parametrize(
    ("values", "unit", "shown"),
    [
        ([0.0312, 0.25, None], "", ("", ["0.0312", "0.2500", "-"])),
        ([77_850.0, 9.0], "parameters", ("parameters", ["77,850", "9"])),
        ([0.00125, 0.0101], "s", ("ms", ["1.25", "10.10"])),
        ([7200.0, 30.5], "s", ("s", ["7,200.0", "30.5"])),
        ([1.5e9, 2.25e6], "FLOP", ("GFLOP", ["1.500", "0.002"])),
        ([3.0, 1e-9], "", ("", ["3.000", "1.0e-09"])),
        ([math.inf, math.nan, 1.0], "", ("", ["inf", "nan", "1"])),
        ([0.0], "s", ("s", ["0"])),
        ([], "s", ("s", [])),
    ],
)
def test_columns_of_numbers(
    values: list[float | None], unit: str, shown: tuple[str, list[str]]
) -> None:
    assert numbers(values, unit) == shown


@given(st.lists(finite, min_size=1, max_size=8))
def test_a_column_has_equally_many_decimals_and_keeps_four_digits(values: list[float]) -> None:
    _, cells = numbers(values)
    decimals = {len(cell.partition(".")[2]) for cell in cells if "e" not in cell}
    assert len(decimals) <= 1
    largest = max(range(len(values)), key=lambda i: abs(values[i]))
    read = float(cells[largest].replace(",", ""))
    assert read == pytest.approx(values[largest], rel=1e-3, abs=1e-8)


def test_one_number_with_its_unit() -> None:
    assert number(0.00325, "s") == "3.250 ms"
    assert number(77_850, "parameters") == "77,850 parameters"
    assert number(None, "s") == "-"


def test_sparklines() -> None:
    assert sparkline([1, 2, 3, 4, 5, 6, 7, 8]) == "▁▂▃▄▅▆▇█"
    assert sparkline([3, 3]) == "▁▁"
    assert sparkline([1, math.nan, 2]) == "▁ █"
    assert sparkline([]) == ""


@given(st.lists(finite, min_size=1, max_size=500))
def test_sparklines_are_short_and_show_lowest_and_highest(values: list[float]) -> None:
    drawn = sparkline(values, 40)
    assert 1 <= len(drawn) <= min(len(values), 41)
    if len(values) <= 40 and min(values) < max(values):
        assert drawn[values.index(max(values))] == "█"
        assert drawn[values.index(min(values))] == "▁"

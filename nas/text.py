"""Names and numbers as people read them; what strangers wrote never steers a terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence

_SCALED = frozenset({"s", "B", "FLOP", "FLOPs", "W", "J", "Wh", "Hz"})
"""Units that take SI prefixes."""

_PREFIXES = (
    (1e12, "T"),
    (1e9, "G"),
    (1e6, "M"),
    (1e3, "k"),
    (1.0, ""),
    (1e-3, "m"),
    (1e-6, "µ"),
    (1e-9, "n"),
)
MISSING = "-"
"""Where there is no value."""

_BARS = "▁▂▃▄▅▆▇█"
_EXACT = 1e15
"""Integers up to here are shown digit by digit."""


def plain(text: object) -> str:
    """Return the text on one line, with everything unprintable spelled out.

    That is every control and format character: escape sequences, new lines, marks that reverse the
    direction of writing.
    """
    text = str(text)
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text
    )


def one_line(text: object) -> str:
    """Return the text with its white space folded, and otherwise as ``plain`` does."""
    return plain(" ".join(str(text).split()))


def count(n: int, noun: str = "") -> str:
    """Return such as ``1,234 trials``, or ``1 trial``; a very large number is rounded."""
    shown = f"{n:,}" if abs(n) < _EXACT else f"about {_power(n)}"
    plural = "" if n == 1 else "es" if noun.endswith("s") else "s"
    return f"{shown} {noun}{plural}" if noun else shown


def _power(n: int) -> str:
    exponent = len(str(abs(n))) - 1
    return f"{n / 10**exponent:.2f}e{exponent}" if exponent < 300 else f"1e{exponent}"


def duration(seconds: float) -> str:
    """Return such as ``0.42 s``, ``7.5 s``, ``2 min 05 s``, ``3 h 12 min`` or ``2 d 04 h``."""
    if not math.isfinite(seconds):
        return f"{seconds} s"
    if seconds < 59.95:
        return f"{seconds:.2f} s" if seconds < 0.995 else f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86400} d {whole % 86400 // 3600:02d} h"


def numbers(values: Sequence[float | None], unit: str = "") -> tuple[str, list[str]]:
    """Return the unit to write once, and the values with equally many decimals.

    Units such as s and FLOP are scaled by an SI prefix. Whole numbers get thousands separators;
    others one decimal, or as many as give the largest four significant digits. None is
    ``MISSING``.
    """
    known = [abs(v) for v in values if v is not None and math.isfinite(v)]
    scale, prefix = _scale(known, unit)
    scaled = [None if v is None else v / scale for v in values]
    whole = all(float(v).is_integer() for v in scaled if v is not None and math.isfinite(v))
    largest = max(known, default=0.0) / scale
    decimals = 0 if whole else min(max(3 - _exponent(largest), 1), 8)
    return f"{prefix}{unit}", [_number(v, decimals) for v in scaled]


def number(value: float | None, unit: str = "") -> str:
    """Return one value with its unit, such as ``3.25 ms`` or ``77,850``."""
    unit, (shown,) = numbers([value], unit)
    return f"{shown} {unit}" if unit and value is not None else shown


def _scale(known: Sequence[float], unit: str) -> tuple[float, str]:
    largest = max(known, default=0.0)
    if unit not in _SCALED or largest == 0:
        return 1.0, ""
    allowed = [p for p in _PREFIXES if unit != "s" or p[0] <= 1]
    return next((p for p in allowed if largest >= p[0]), allowed[-1])


def _exponent(value: float) -> int:
    return math.floor(math.log10(value)) if value > 0 else 0


def _number(value: float | None, decimals: int) -> str:
    if value is None:
        return MISSING
    if not math.isfinite(value) or abs(value) >= _EXACT:
        return f"{value:.3g}"
    shown = f"{value:,.{decimals}f}"
    vanished = value != 0 and not any(c in "123456789" for c in shown)
    return f"{value:.1e}" if vanished else shown


def percent(share: float, decimals: int = 0) -> str:
    """Return a share such as ``58 %``."""
    return f"{100 * share:.{decimals}f} %"


def budget_unit(stages: Sequence[object]) -> str:
    """Return what one unit of budget is, in the singular: a stage of an evaluation, or an epoch."""
    return "step" if stages else "epoch"


def sparkline(values: Sequence[float], width: int = 40) -> str:
    """Return a bar for each value, lowest to highest; every n-th if there are more than ``width``.

    What is not finite is a blank.
    """
    step = max(1, math.ceil(len(values) / width))
    shown = [*values[:-1:step], *values[-1:]]
    finite = [v for v in shown if math.isfinite(v)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    top = len(_BARS) - 1
    return "".join(
        _BARS[round((v - low) / (high - low) * top) if high > low else 0]
        if math.isfinite(v)
        else " "
        for v in shown
    )

"""Did you mean: the nearest of the names that would have worked."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

_ALIKE = 0.6
"""Suffixes that share no more than this are of files of another kind."""


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """Return `` Did you mean 'x'?`` for the name nearest to ``wrong``, or an empty text.

    Case does not count: ``cifar10`` is as near to ``CIFAR10`` as can be.
    """
    found = _nearest(wrong, known)
    return "" if found is None else f" Did you mean {found!r}?"


def did_you_mean_file(missing: Path) -> str:
    """Return the same for a file that is not there: of those beside with such a suffix."""
    if missing.exists():
        return ""
    try:
        beside = [p.name for p in missing.parent.iterdir() if _alike(p.suffix, missing.suffix)]
    except OSError:
        return ""
    found = _nearest(missing.name, beside)
    return "" if found is None else f" Did you mean {str(missing.with_name(found))!r}?"


def _alike(one: str, other: str) -> bool:
    """Tell ``.tml`` and ``.toml`` from ``.db`` and ``.db-wal``."""
    return difflib.SequenceMatcher(None, one, other).ratio() > _ALIKE


def listed(names: Iterable[str]) -> str:
    """Return the names in order, comma separated, or ``none``."""
    return ", ".join(sorted(names)) or "none"


def _nearest(wrong: str, known: Iterable[str]) -> str | None:
    folded = {name.casefold(): name for name in known}
    close = difflib.get_close_matches(wrong.casefold(), list(folded), n=1, cutoff=0.5)
    return folded[close[0]] if close else None

"""Did you mean: the nearest of the names that would have worked."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """Return `` Did you mean 'x'?`` for the name nearest to ``wrong``, or an empty text.

    Case does not count: ``cifar10`` is as near to ``CIFAR10`` as can be.
    """
    found = _nearest(wrong, known)
    return "" if found is None else f" Did you mean {found!r}?"


def did_you_mean_file(missing: Path) -> str:
    """Return the same for a file that is not there: of those beside it with its suffix."""
    if missing.exists():
        return ""
    try:
        beside = [path.name for path in missing.parent.iterdir() if path.suffix == missing.suffix]
    except OSError:
        return ""
    found = _nearest(missing.name, beside)
    return "" if found is None else f" Did you mean {str(missing.with_name(found))!r}?"


def listed(names: Iterable[str]) -> str:
    """Return the names in order, comma separated, or ``none``."""
    return ", ".join(sorted(names)) or "none"


def _nearest(wrong: str, known: Iterable[str]) -> str | None:
    folded = {name.casefold(): name for name in known}
    close = difflib.get_close_matches(wrong.casefold(), list(folded), n=1, cutoff=0.5)
    return folded[close[0]] if close else None

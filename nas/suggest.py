"""Did you mean: the nearest of the names that would have worked."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """Return `` Did you mean 'x'?`` for the name nearest to ``wrong``, or an empty text.

    Case does not count: ``cifar10`` is as near to ``CIFAR10`` as can be.
    """
    folded = {name.casefold(): name for name in known}
    close = difflib.get_close_matches(wrong.casefold(), list(folded), n=1, cutoff=0.5)
    return f" Did you mean {folded[close[0]]!r}?" if close else ""


def listed(names: Iterable[str]) -> str:
    """Return the names in order, comma separated, or ``none``."""
    return ", ".join(sorted(names)) or "none"

"""Curves over trials with bands, a panel for each table; drawn by matplotlib (extra ``plot``)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nas.benchmark.report import TableReport
from nas.errors import ConfigError
from nas.suggest import listed

FORMATS = (".pdf", ".png", ".svg")
_DOTS = 150
_PANEL = (6.4, 4.4)
"""Inches."""
_BESIDE = 3
"""Panels in a row."""


def check_plot(path: str | Path) -> None:
    """Refuse before anything runs what could not be drawn after it.

    Raises:
        ConfigError: matplotlib is not installed, or the file cannot be one.
    """
    file = Path(path)
    if file.suffix.lower() not in FORMATS:
        raise ConfigError(f"plot {str(path)!r}: the name must end in one of {listed(FORMATS)}")
    if not file.absolute().parent.is_dir():
        raise ConfigError(f"plot {str(path)!r}: there is no folder {str(file.parent)!r}")
    try:
        import matplotlib  # noqa: F401 - to learn whether it is there
    except ImportError:
        raise ConfigError("a plot needs matplotlib: pip install 'plugnas[plot]'") from None


def draw(reports: Sequence[TableReport], path: str | Path) -> None:
    """Draw a panel for each table. Raises ``ConfigError`` as ``check_plot`` does."""
    check_plot(path)
    from matplotlib.figure import Figure

    beside = min(_BESIDE, len(reports))
    rows = -(-len(reports) // beside)
    figure = Figure(figsize=(_PANEL[0] * beside, _PANEL[1] * rows), layout="constrained")
    panels = figure.subplots(rows, beside, squeeze=False).flatten()
    for panel, report in zip(panels, reports, strict=False):
        _draw(panel, report)
    for panel in panels[len(reports) :]:
        panel.set_visible(False)
    figure.savefig(path, dpi=_DOTS)


def _draw(panel: Any, report: TableReport) -> None:
    lowest = np.inf
    for i, (label, curve) in enumerate(report.curves.items()):
        trials = np.arange(1, len(curve.mean) + 1)
        style = {"color": "0.35", "linestyle": "--"} if i == 0 else {"color": f"C{i - 1}"}
        panel.plot(trials, curve.mean, label=label, **style)
        panel.fill_between(
            trials, curve.low, curve.high, color=style["color"], alpha=0.18, linewidth=0
        )
        positive = curve.mean[curve.mean > 0]
        lowest = min([lowest, *positive.tolist()])
    panel.set_title(report.table)
    panel.set_xlabel("evaluated trials")
    if report.kind == "regret":
        panel.set_ylabel(f"regret of {report.objectives[0].metric}")
        if np.isfinite(lowest):
            panel.set_yscale("log", nonpositive="clip")
            panel.set_ylim(bottom=lowest / 2)
    else:
        panel.set_ylabel("share of the hypervolume")
    panel.set_xlim(1, max(len(curve.mean) for curve in report.curves.values()) + 1)
    panel.grid(visible=True, alpha=0.3)
    panel.legend()

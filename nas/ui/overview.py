"""The first page: all studies of an archive, and how far each is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nas.archive.standing import standing_of
from nas.study import Study
from nas.ui.visit import Answer, Visit, document, page

STUDIES = 50
"""On one page."""


def page_of(visit: Visit) -> Answer:
    """Return the overview."""
    number = page_number(visit.asked)
    found, total = visit.archive.some((number - 1) * STUDIES, STUDIES)
    shown = [{"study": study, **how_far(visit, study)} for study in found]
    return page(
        "overview.html",
        visit,
        path=str(visit.archive.path),
        studies=shown,
        total=total,
        number=number,
        pages=max(1, -(-total // STUDIES)),
    )


def progress_of(visit: Visit) -> Answer:
    """Return what changes as soon as anything does."""
    return document({"version": visit.version.digest, "running": visit.version.running})


def page_number(asked: Mapping[str, str]) -> int:
    """Return which page of a list is asked for, from 1."""
    wanted = asked.get("page", "")
    return max(1, int(wanted)) if wanted.isdecimal() and len(wanted) < 10 else 1


def how_far(visit: Visit, study: Study) -> dict[str, Any]:
    """Return how a study stands, and how much of what was asked for is done."""
    standing = standing_of(visit.archive, study)
    state = visit.archive.state(study)
    counts = standing["trials"]
    done = sum(n for status, n in counts.items() if status not in ("infeasible", "cancelled"))
    return {
        "standing": standing,
        "state": state,
        "trials": sum(counts.values()),
        "share": _share(study, done, standing["seconds"]),
    }


def _share(study: Study, done: int, seconds: float) -> dict[str, Any] | None:
    """Return done, of how much and in what; None if the config has no limit that can be told."""
    stop = study.config.get("stop")
    limits = stop if isinstance(stop, Mapping) else {}
    for unit, so_far in (("trials", done), ("seconds", seconds)):
        limit = limits.get(unit)
        if isinstance(limit, int | float) and limit > 0:
            return {"done": min(so_far, limit), "of": limit, "unit": unit}
    return None

"""A study's page: how far it is, its front as a plot, its trials as a table, what failed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from nas.errors import ArchiveError
from nas.study import Study
from nas.text import numbers
from nas.trial import Trial
from nas.ui.choosing import SHOW, Axis, Choice, axes_of, choice_of, ids_of
from nas.ui.overview import how_far
from nas.ui.points import points_of
from nas.ui.reading import TooSlowError
from nas.ui.visit import Answer, Visit, document, page

ROWS = 50
"""Of the table on one page."""
OTHERS = 200
"""Studies that can be chosen on a study's page; the overview has all."""


def page_of(visit: Visit) -> Answer:
    """Return a study's page."""
    study = visit.archive.by_id(int(visit.which["study"]))
    axes = axes_of(visit.archive, study)
    choice = _choice(visit, study, axes)
    try:
        ids, total = ids_of(visit.archive, study, axes, choice, ROWS)
    except TooSlowError:
        raise
    except ArchiveError as error:  # of the filter that somebody is writing
        choice = replace(choice, wrong=str(error))
        ids, total = [], 0
    pages = max(1, -(-total // ROWS))
    choice = replace(choice, page=min(choice.page, pages))
    return page(
        "study.html",
        visit,
        study=study,
        **how_far(visit, study),
        axes=axes,
        choice=choice,
        shows={key: words for key, (words, _) in SHOW.items()},
        others=visit.archive.some(0, OTHERS)[0],
        table=_table(study, visit.archive.by_ids(study, ids)),
        total=total,
        pages=pages,
        address=lambda n: visit.links.study(study.id, choice.asked(page=n)),
        sql=visit.sql,
        sessions=visit.archive.sessions(study),
        components=visit.archive.components(study),
        turned_away=visit.archive.turned_away(study),
        config=json.dumps(study.config, indent=2, ensure_ascii=False),
    )


def plot_of(visit: Visit) -> Answer:
    """Return what the plot shows."""
    study = visit.archive.by_id(int(visit.which["study"]))
    choice = _choice(visit, study, axes_of(visit.archive, study))
    try:
        return document(points_of(visit.archive, study, choice))
    except TooSlowError:
        raise
    except ArchiveError as error:
        return document({"error": str(error)}, status=400)


def _choice(visit: Visit, study: Study, axes: Mapping[str, Axis]) -> Choice:
    choice = choice_of(study, axes, visit.asked)
    if choice.where and not visit.sql:
        return replace(choice, where="", wrong="filters in SQL are not allowed here")
    return choice


def _table(study: Study, found: Sequence[tuple[Trial, str, bool]]) -> dict[str, Any]:
    """Return headings and rows; the values of a column share unit and decimals."""
    columns = []
    for goal in study.goals:
        values = [trial.metrics.get(goal.metric) for trial, _, _ in found]
        unit, shown = numbers(values, goal.unit)
        arrow = "↓" if goal.direction == "minimize" else "↑"
        columns.append({"name": goal.metric, "arrow": arrow, "unit": unit, "values": shown})
    unit, seconds = numbers([trial.seconds or None for trial, _, _ in found], "s")
    columns.append({"name": "took", "arrow": "", "unit": unit, "values": seconds})
    rows = [
        {
            "trial": trial,
            "text": text,
            "front": front,
            "values": [column["values"][i] for column in columns],
        }
        for i, (trial, text, front) in enumerate(found)
    ]
    return {"columns": columns, "rows": rows}

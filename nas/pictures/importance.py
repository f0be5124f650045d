"""Which decision matters for a metric: permutation importance in random forests.

Source: L. Breiman, "Random forests", Machine Learning 45 (2001), section 10: by how much a forest
predicts worse once the values of a variable are shuffled. Here of trials that the forest has not
seen, by cross-validation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nas.architecture import Value
from nas.errors import ArchiveError
from nas.goals import Goal
from nas.pictures.figure import BLUE, FAINT, INK, Figure, axis, frame, short, text
from nas.pictures.parallel import are_numbers, names_of
from nas.pictures.trials import Subject, chosen_goals, with_values
from nas.seeds import derive, rng
from nas.text import count
from nas.trial import Trial

if TYPE_CHECKING:
    from nas.archive import Archive
    from nas.study import Study

FEWEST = 20
"""Trials below which a forest tells nothing."""
FOLDS, SHUFFLES, TREES = 5, 10, 100
NOTHING, LITTLE = 0.1, 0.3
"""R^2 below which what a forest says of decisions is worth nothing, or little."""
MOST = 2_000
"""Trials that the forests learn from: a sample of them."""
ROW = 34
"""Pixels for a decision."""
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Importance:
    """How much the decisions matter for a metric.

    Args:
        metric: which one.
        trials: that the forests have learnt from.
        r2: share of the metric's variance that forests explain in trials they have not seen; can
            be negative.
        drops: for each decision, ``(folds,)`` by how much that share falls once the decision's
            values are shuffled, the most important first.
    """

    metric: str
    trials: int
    r2: float
    drops: Mapping[str, Floats]


def importance_of(subject: Subject, goal: Goal) -> Importance:
    """Measure how much each decision matters for a metric.

    Raises:
        ArchiveError: there are too few complete trials, or all have the same value.
    """
    trials = with_values(subject, [goal])
    if len(trials) < FEWEST:
        raise ArchiveError(
            f"study {subject.study.name!r} has {count(len(trials), 'complete trial')} with "
            f"{goal.metric!r}; which decision matters can be told from {FEWEST} on"
        )
    if len(trials) > MOST:
        drawn = rng(subject.study.seed, "importance").sample(range(len(trials)), MOST)
        trials = [trials[i] for i in sorted(drawn)]
    target = np.array([trial.metrics[goal.metric] for trial in trials])
    if np.ptp(target) == 0:
        raise ArchiveError(
            f"every trial of study {subject.study.name!r} has the same {goal.metric!r}: "
            "no decision matters"
        )
    names, columns = _columns(trials)
    r2, drops = _forests(columns, target, derive(subject.study.seed, "importance") % 2**31)
    order = sorted(range(len(names)), key=lambda i: (-drops[i].mean(), i))
    return Importance(goal.metric, len(trials), r2, {names[i]: drops[i] for i in order})


def _columns(trials: Sequence[Trial]) -> tuple[list[str], list[Floats]]:
    """Return the decisions with more than one value, ``(trials, width)`` columns of each."""
    names, columns = [], []
    for name in names_of(trials):
        values = [trial.architecture.get(name) for trial in trials]
        if len(set(map(repr, values))) > 1:
            names.append(name)
            columns.append(_encoded(values))
    return names, columns


def _encoded(values: Sequence[Value | None]) -> Floats:
    """Return numbers as they are, below all of them where not active; else one column a value."""
    if are_numbers(values):
        known = [float(v) for v in values if v is not None]
        below = min(known) - 1.0
        return np.array([[below if v is None else float(v)] for v in values])
    kinds = list(dict.fromkeys(map(repr, values)))
    return np.array([[float(repr(v) == kind) for kind in kinds] for v in values])


def _forests(columns: Sequence[Floats], target: Floats, state: int) -> tuple[float, list[Floats]]:
    """Return the cross-validated R^2, and of each decision the drops by fold."""
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.model_selection import KFold

    source = np.random.default_rng(state)
    inputs = np.hstack(columns)
    edges = np.cumsum([0, *(column.shape[1] for column in columns)])
    predicted = np.empty_like(target)
    drops = np.zeros((len(columns), FOLDS))
    variance = float(target.var())
    folds = KFold(FOLDS, shuffle=True, random_state=state)
    for fold, (seen, unseen) in enumerate(folds.split(inputs)):
        forest = RandomForestRegressor(TREES, random_state=state, min_samples_leaf=2)
        forest.fit(inputs[seen], target[seen])
        predicted[unseen] = forest.predict(inputs[unseen])
        error = np.mean((predicted[unseen] - target[unseen]) ** 2)
        shuffled = np.tile(inputs[unseen], (len(columns), SHUFFLES, 1, 1))
        for i in range(len(columns)):
            part = slice(edges[i], edges[i + 1])
            for again in shuffled[i]:
                again[:, part] = again[source.permutation(len(unseen)), part]
        guessed = forest.predict(shuffled.reshape(-1, inputs.shape[1]))
        wrong = (guessed.reshape(len(columns), -1, len(unseen)) - target[unseen]) ** 2
        drops[:, fold] = (wrong.mean(axis=(1, 2)) - error) / variance
    r2 = 1.0 - float(np.mean((predicted - target) ** 2)) / variance
    return r2, list(drops)


def importance_figure(archive: Archive, study: Study, *, objectives: str | None = None) -> Figure:
    """Draw which decisions matter for objectives, a panel for each.

    Raises:
        ArchiveError: there are too few complete trials.
    """
    subject = Subject.read(archive, study)
    goals = chosen_goals(archive, study, objectives)
    found = [importance_of(subject, goal) for goal in goals]
    title = f"{short(study.name)}: which decision matters"
    width = 560 * len(found) if len(found) > 1 else 860
    rows = max(len(one.drops) for one in found)
    captions = [
        f"By how much R² of a random forest ({TREES} trees) falls once a decision is shuffled, in "
        f"trials that the forest has not seen ({FOLDS}-fold cross-validation); whiskers: standard "
        "deviation over the folds.",
        *map(_verdict, found),
    ]
    layout = frame(f"{title}, by {_over(found)}", captions, width=width, legend_rows=0)
    height = layout["margin"]["t"] + layout["margin"]["b"] + max(ROW * rows, 120)
    layout["height"] = height
    traces = []
    for i, one in enumerate(found):
        own, axes = _panel(one, i, len(found))
        traces.append(own)
        layout |= axes
    summary = "; ".join(f"{short(o.metric)}: R² {o.r2:.2f}" for o in found)
    return Figure(title, traces, layout, width, height, f"importance of decisions, {summary}")


def _over(found: Sequence[Importance]) -> str:
    return count(max(one.trials for one in found), "trial")


def _verdict(one: Importance) -> str:
    said = f"{short(one.metric, 30)}: the forest explains R² = {one.r2:.2f} of it"
    if one.r2 < NOTHING:
        return f"{said}, next to nothing: its bars say nothing."
    return f"{said}{', little: its bars say little' if one.r2 < LITTLE else ''}."


def _panel(one: Importance, i: int, panels: int) -> tuple[dict[str, Any], dict[str, Any]]:
    names = [text(short(name, 30)) for name in one.drops]
    number = str(i + 1) if i else ""
    trace = {
        "type": "bar",
        "orientation": "h",
        "x": [float(drops.mean()) for drops in one.drops.values()],
        "y": list(range(len(names))),
        "error_x": {
            "type": "data",
            "array": [float(drops.std()) for drops in one.drops.values()],
            "color": INK,
            "thickness": 1.5,
        },
        "hovertext": names,
        "hoverinfo": "text+x",
        "marker": {
            "color": "#9CC9E6" if one.r2 >= NOTHING else "#E4E7EB",
            "line": {"color": BLUE if one.r2 >= NOTHING else FAINT, "width": 1.2},
        },
        "xaxis": f"x{number}",
        "yaxis": f"y{number}",
        "showlegend": False,
    }
    gap = 0.22 / panels
    wide = (1 - gap * (panels - 1)) / panels
    domain = [i * (wide + gap), i * (wide + gap) + wide]
    x = axis(f"drop in R² of {short(one.metric, 30)}", domain=domain, anchor=f"y{number}")
    x["zeroline"], x["zerolinecolor"] = True, FAINT
    places = {"tickmode": "array", "tickvals": list(range(len(names))), "ticktext": names}
    y = axis("", anchor=f"x{number}", autorange="reversed", showgrid=False, **places)
    return trace, {f"xaxis{number}": x, f"yaxis{number}": y}

"""A trial's page: drawing, metrics with their protocol, curve, lineage, failure, how to export."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from nas.architecture import Architecture
from nas.errors import NASError, PluginError
from nas.goals import Goal
from nas.study import Study
from nas.text import number
from nas.trial import Measurement, Trial
from nas.ui.family import tree_of
from nas.ui.security import DRAWING
from nas.ui.visit import Answer, Visit, document, page

FORMATS = {
    "onnx": "runs in onnxruntime, in a browser, on a phone",
    "pt2": "torch.export: a graph for PyTorch without this package",
    "python": "one readable file that needs only torch",
    "safetensors": "the weights",
    "json": "the architecture",
}
"""What ``nas export --to`` writes."""
FILE = "(file)"
"""What an archive calls the distribution of a plugin file."""
_HINT = "It came from a plugin file: nas ui --plugin FILE.py has it."
ENDINGS = {"python": "py"}
"""Of a file's name, where it is not the format's name."""


def page_of(visit: Visit) -> Answer:
    """Return a trial's page."""
    archive = visit.archive
    trial = archive.trial(int(visit.which["trial"]))
    details = archive.details(trial.id)
    study = archive.study(details.study)
    curve = archive.curve(trial.id)
    measured = archive.measurements(trial.id)
    return page(
        "trial.html",
        visit,
        trial=trial,
        details=details,
        study=study,
        curve=curve,
        names=list(dict.fromkeys(name for point in curve for name in point.metrics)),
        stages=archive.state(study).stages,
        metrics=_metrics(study, trial, measured),
        measured=measured,
        rulings=archive.rulings(trial.id),
        family=tree_of(archive, trial),
        exports=_exports(str(archive.path), trial.id),
    )


def document_of(visit: Visit) -> Answer:
    """Return all of a trial as JSON."""
    archive = visit.archive
    trial = archive.trial(int(visit.which["trial"]))
    details = archive.details(trial.id)
    measured = archive.measurements(trial.id)
    return document(
        {
            "id": trial.id,
            "study": details.study,
            "number": trial.number,
            "status": str(trial.status),
            "on_front": details.on_front,
            "architecture": dict(trial.architecture),
            "text": details.text,
            "canonical_id": details.canonical_id,
            "metrics": dict(trial.metrics),
            "measurements": {
                name: {"spread": m.spread, "protocol": dict(m.protocol)}
                for name, m in measured.items()
            },
            "violation": trial.violation,
            "seed": trial.seed,
            "budget": trial.budget,
            "seconds": trial.seconds,
            "started": details.started,
            "worker": details.worker,
            "parents": list(trial.parents),
            "failure": None if trial.failure is None else dict(vars(trial.failure)),
            "curve": [
                {"step": point.step, "metrics": dict(point.metrics)}
                for point in archive.curve(trial.id)
            ],
            "rulings": [dict(vars(ruling)) for ruling in archive.rulings(trial.id)],
            "artifacts": [dict(vars(kept)) for kept in details.artifacts],
        }
    )


def drawing_of(visit: Visit) -> Answer:
    """Return a trial's architecture as SVG; where its space is not installed, why there is none."""
    from nas.pictures.graph_svg import architecture_svg

    trial = visit.archive.trial(int(visit.which["trial"]))
    study = visit.archive.details(trial.id).study
    try:
        graph = _graph(visit, study, trial.architecture)
        picture = architecture_svg(graph, title=f"Architecture of trial {trial.id}")
    except NASError as error:
        used = {c.role: c.distribution for c in visit.archive.components(study)}
        hint = f" {_HINT}" if used["space"] == FILE else ""
        return Answer(f"{error}{hint}", "text/plain; charset=utf-8", 404)
    return Answer(picture, "image/svg+xml; charset=utf-8", policy=DRAWING)


def _graph(visit: Visit, study: str, architecture: Architecture) -> Any:
    space = visit.archive.space(study, plugins=visit.plugins())
    try:
        return space.graph(space.architecture(architecture))
    except NASError:
        raise
    except Exception as error:  # a space's graph can raise anything
        raise PluginError(f"the space's graph raised {type(error).__name__}: {error}") from error


def _metrics(
    study: Study, trial: Trial, measured: Mapping[str, Measurement]
) -> list[dict[str, Any]]:
    goals = {goal.metric: goal for goal in study.goals}
    order = list(goals)
    names = sorted(trial.metrics, key=lambda n: (order.index(n) if n in goals else len(order), n))
    return [_metric(n, trial.metrics[n], goals.get(n), measured.get(n)) for n in names]


def _metric(
    name: str, value: float, goal: Goal | None, measurement: Measurement | None
) -> dict[str, Any]:
    unit = goal.unit if goal else ""
    bound = goal.bound() if goal else ""
    return {
        "name": name,
        "value": number(value, unit),
        "exact": repr(value),
        "spread": f"± {number(measurement.spread, unit)}" if measurement else "",
        "aim": goal.direction if goal else "",
        "bound": bound,
        "kept": goal is None or not goal.violation(value),
    }


def _exports(path: str, trial: int) -> list[dict[str, str]]:
    words = ["nas", "export", path, str(trial), "--to"]
    return [
        {
            "to": to,
            "what": what,
            "command": shlex.join([*words, to, "-o", f"trial-{trial}.{ENDINGS.get(to, to)}"]),
        }
        for to, what in FORMATS.items()
    ]

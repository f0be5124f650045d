"""Archives with several studies, made without a search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from nas import Architecture, CurvePoint, Failure, Goal, Measurement, Status, Trial
from nas.archive.record import ComponentRecord, Record
from nas.archive.writer import Writer
from nas.goals import losses, violation
from nas.study import Study

ERROR, PARAMS = Goal("error"), Goal("params", unit="parameters")
GRID = ComponentRecord("space", "toys:grid", {}, "toys", "1.0")
LINE = ComponentRecord("space", "toys:line", {"length": 3}, "toys", "1.0")

Metrics = Mapping[str, float]


def record(goals: Sequence[Goal], number: int, metrics: Metrics | None, **more: Any) -> Record:
    """Return a complete trial with these metrics, or a failed one without any."""
    decisions = {"op": "conv" if number % 2 else "skip", "depth": number}
    trial = Trial(number, Architecture(decisions), Status.FAILED, seconds=2.0, seed=number)
    if metrics is None:
        trial = replace(trial, failure=Failure("error", "it broke"))
    else:
        trial = replace(
            trial,
            status=Status.COMPLETE,
            losses=losses(goals, metrics),
            violation=violation(goals, metrics),
            metrics=metrics,
        )
    protocol = more.pop("protocol", None)
    if protocol is not None:
        measured = Measurement(metrics["latency"], 0.1, {"threads": protocol})
        more["measurements"] = {"latency": measured}
    curve = (CurvePoint(1, {"error": 0.9}),)
    return Record(trial, f"c{number}", f"<{number}>", curve=curve, choosing=1.0, **more)


def add_study(
    path: Path,
    name: str,
    rows: Sequence[Metrics | None],
    *,
    goals: Sequence[Goal] = (ERROR, PARAMS),
    space: ComponentRecord = GRID,
    seed: int = 0,
    config: Mapping[str, Any] | None = None,
    evaluation: str = "same",
    **more: Any,
) -> None:
    """Write a study; a row is the metrics of a trial, None for one that failed."""
    made = {"study": name, "seed": seed, **(config or {})}
    with Writer.open(path) as writer:
        study = writer.study(Study(name, "", tuple(goals), made, seed, 1, evaluation), [space])
        writer.record(study, [record(goals, i, row, **more) for i, row in enumerate(rows)])
        writer.close_session(study, "finished", "done")


def values(*points: tuple[float, ...], names: Sequence[str] = ("error", "params")) -> list[Metrics]:
    """Return metrics of each point."""
    return [dict(zip(names, point, strict=True)) for point in points]

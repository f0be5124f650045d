"""When which worker ran which trial."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nas.errors import ArchiveError
from nas.pictures.figure import (
    BLACK,
    BLUE,
    GREEN,
    ORANGE,
    VERMILION,
    Figure,
    Trace,
    axis,
    frame,
    short,
    text,
)
from nas.pictures.history import time_scale
from nas.text import count, duration
from nas.trial import Status

if TYPE_CHECKING:
    from nas.archive import Archive
    from nas.archive.sessions import Session
    from nas.study import Study

WIDTH, ROW = 1120, 30
"""Pixels: of the figure, and a worker's row."""
MOST = 60
"""Workers that are drawn: those that ran first."""
LATEST = 3_000
"""Trials that are drawn: those that began last."""

_RUNS = """
SELECT id, number, status, started, seconds, worker, failure_kind FROM trials
WHERE study = {id} AND {ran} AND status <> 'cancelled' ORDER BY started, number"""

LOOKS: dict[Status, tuple[str, str]] = {
    Status.COMPLETE: (BLUE, ""),
    Status.STOPPED: (VERMILION, "/"),
    Status.PAUSED: (GREEN, "."),
    Status.FAILED: (BLACK, "x"),
    Status.INFEASIBLE: (ORANGE, "-"),
}
"""Colour and pattern of each status."""


@dataclass(frozen=True)
class Ran:
    """A trial on a worker: ``began`` and ``lasted`` are seconds of searching."""

    id: int
    number: int
    status: Status
    began: float
    lasted: float
    worker: str
    failure: str | None


def timeline_figure(archive: Archive, study: Study) -> Figure:
    """Draw when each worker ran which trial, and what went wrong with the machines.

    Times between two sessions are left out; a line marks where a session begins.

    Raises:
        ArchiveError: no trial has run.
    """
    sessions = archive.sessions(study)
    simulated = any(session.state.get("simulated") is not None for session in sessions)
    runs = _runs(archive, study, [] if simulated else sessions)
    if not runs:
        raise ArchiveError(f"study {study.name!r} has no trial that ran: there is nothing to draw")
    every, runs = len(runs), runs[-LATEST:]
    workers = list(dict.fromkeys(run.worker for run in runs))
    scale, unit = time_scale(max(run.began + run.lasted for run in runs))
    title = f"{short(study.name)}: {count(every, 'trial')} on {count(len(workers), 'worker')}"
    said = _captions([] if simulated else sessions, runs, workers)
    if every > LATEST:
        said.append(f"The last {LATEST:,} of them are drawn.")
    without = sum(n for s, n in archive.counts(study).items() if s is not Status.CANCELLED) - every
    if without:
        said.append(f"{count(without, 'more trial')} needed no worker.")
    layout = frame(title, said, width=WIDTH)
    shown = sorted(workers[:MOST])
    height = layout["margin"]["t"] + layout["margin"]["b"] + max(ROW * len(shown), 60)
    layout |= {"height": height, "barmode": "overlay", "bargap": 0.25}
    layout["shapes"] = [] if simulated else _begins(sessions, scale)
    time = "simulated time" if simulated else "searching"
    layout["xaxis"] = axis(f"{unit} of {time}", rangemode="tozero")
    rows = {"categoryorder": "array", "categoryarray": [text(w) for w in reversed(shown)]}
    layout["yaxis"] = axis("", type="category", showgrid=False, **rows)
    kept = [run for run in runs if run.worker in shown]
    bars = [_bars(kept, status, scale) for status in LOOKS]
    incidents = _incidents(sessions, runs, shown, scale)
    traces = [trace for trace in (*bars, incidents) if trace["x"]]
    return Figure(title, traces, layout, WIDTH, height, title)


def searched(sessions: Sequence[Session], at: float) -> float:
    """Return for how many seconds a study had been searched at a Unix time, without pauses."""
    return sum(max(0.0, min(s.began + s.seconds, at) - s.began) for s in sessions)


def _runs(archive: Archive, study: Study, sessions: Sequence[Session]) -> list[Ran]:
    """Return the trials that ran; without sessions, in virtual time."""
    ran = "started > 0" if sessions else "worker <> ''"  # virtual time begins at 0
    _, rows = archive.query(_RUNS.format(id=int(study.id), ran=ran))
    found = []
    for id_, number, status, started, seconds, worker, failure in rows:
        began = searched(sessions, started) if sessions else started
        where = short(worker, 40) or "a worker"
        found.append(Ran(id_, number, Status(status), began, seconds, where, failure))
    return found


def _captions(
    sessions: Sequence[Session], runs: Sequence[Ran], workers: Sequence[str]
) -> list[str]:
    said = []
    if any(run.status is Status.PAUSED for run in runs):
        said.append("Of a trial that was paused and went on, only the last run is drawn.")
    if len(workers) > MOST:
        said.append(f"The first {MOST} of {len(workers):,} workers are drawn.")
    if len(sessions) > 1:
        said.append(f"{count(len(sessions), 'session')}, each beginning at a dotted line.")
    busy = sum(run.lasted for run in runs)
    whole = sum(session.seconds for session in sessions)
    if whole and len(runs) < LATEST:
        said.append(f"Workers were busy for {duration(busy)} in {duration(whole)} of searching.")
    return said


def _bars(runs: Sequence[Ran], status: Status, scale: float) -> Trace:
    colour, pattern = LOOKS[status]
    own = [run for run in runs if run.status is status]
    return {
        "type": "bar",
        "orientation": "h",
        "name": f"{status} ({len(own):,})",
        "base": [run.began / scale for run in own],
        "x": [run.lasted / scale for run in own],
        "y": [text(run.worker) for run in own],
        "customdata": [run.id for run in own],
        "hovertext": [_said(run) for run in own],
        "hoverinfo": "text",
        "marker": {
            "color": colour,
            "line": {"color": "#FFFFFF", "width": 1},
            "pattern": {
                "shape": pattern,
                "fillmode": "overlay",
                "fgcolor": "#FFFFFF",
                "size": 7,
                "solidity": 0.3,
            },
        },
    }


def _said(run: Ran) -> str:
    why = f" ({text(run.failure)})" if run.failure else ""
    return f"<b>trial {run.id}</b><br>{run.status}{why}<br>{duration(run.lasted)}"


def _begins(sessions: Sequence[Session], scale: float) -> list[dict[str, Any]]:
    """Return a line where each session after the first begins."""
    before = 0.0
    shapes = []
    for session in sessions[:-1]:
        before += session.seconds
        at = before / scale
        where = {"x0": at, "x1": at, "y0": 0, "y1": 1, "yref": "paper"}
        line = {"color": "#52606D", "width": 1.5, "dash": "dot"}
        shapes.append({"type": "line", "layer": "below", "line": line, **where})
    return shapes


def _incidents(
    sessions: Sequence[Session], runs: Sequence[Ran], workers: Sequence[str], scale: float
) -> Trace:
    """Mark what went wrong with the machines, at the worker of the trial that it met."""
    by_number = {run.number: run.worker for run in runs}
    x, y, said = [], [], []
    before = 0.0
    for session in sessions:
        for incident in session.incidents:
            virtual = session.state.get("simulated") is not None
            at = before + (incident.at if virtual else incident.at - session.began)
            met = -1 if incident.number is None else incident.number
            where = by_number.get(met, workers[0])
            x.append(at / scale)
            y.append(text(where if where in workers else workers[0]))
            kind = text(short(incident.kind, 20))
            said.append(f"<b>{kind}</b><br>{text(short(incident.message, 100))}")
        before += session.seconds
    return {
        "type": "scatter",
        "mode": "markers",
        "name": f"incident ({len(x):,})",
        "x": x,
        "y": y,
        "hovertext": said,
        "hoverinfo": "text",
        "marker": {
            "symbol": "star-diamond",
            "size": 14,
            "color": "#F0E442",
            "line": {"color": BLACK, "width": 1.5},
        },
    }

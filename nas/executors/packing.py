"""Jobs and outcomes as JSON: the only form in which they cross from process to process."""

from __future__ import annotations

import json
from typing import Any

from nas.architecture import Architecture
from nas.executors.jobs import Job, Outcome
from nas.trial import CurvePoint, Failure, Measurement


def pack_jobs(jobs: list[Job]) -> str:
    """Return jobs as JSON."""
    return json.dumps([{**vars(job), "architecture": job.architecture.to_json()} for job in jobs])


def unpack_jobs(text: str) -> list[Job]:
    """Read what ``pack_jobs`` wrote."""
    return [
        Job(**{**job, "architecture": Architecture.from_json(job["architecture"])})
        for job in json.loads(text)
    ]


def pack_outcomes(outcomes: list[Outcome]) -> str:
    """Return outcomes as JSON."""
    return json.dumps([_plain(outcome) for outcome in outcomes])


def unpack_outcomes(text: str) -> list[Outcome]:
    """Read what ``pack_outcomes`` wrote."""
    return [_outcome(values) for values in json.loads(text)]


def _plain(outcome: Outcome) -> dict[str, Any]:
    # dataclasses.asdict copies every value deeply, which costs more than a cheap job does
    return {
        **vars(outcome),
        "metrics": dict(outcome.metrics),
        "measurements": {
            k: {**vars(m), "protocol": dict(m.protocol)} for k, m in outcome.measurements.items()
        },
        "curve": [{"step": p.step, "metrics": dict(p.metrics)} for p in outcome.curve],
        "failure": vars(outcome.failure) if outcome.failure else None,
    }


def _outcome(values: dict[str, Any]) -> Outcome:
    failure = values["failure"]
    values["measurements"] = {k: Measurement(**m) for k, m in values["measurements"].items()}
    values["curve"] = tuple(CurvePoint(**point) for point in values["curve"])
    values["failure"] = Failure(**failure) if failure else None
    return Outcome(**values)

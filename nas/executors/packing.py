"""Jobs and outcomes as JSON: the only form in which they cross from process to process."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from nas.executors.jobs import Job, Outcome
from nas.trial import CurvePoint, Failure, Measurement


def pack_jobs(jobs: list[Job]) -> str:
    """Return jobs as JSON."""
    return json.dumps([asdict(job) for job in jobs])


def unpack_jobs(text: str) -> list[Job]:
    """Read what ``pack_jobs`` wrote."""
    return [Job(**job) for job in json.loads(text)]


def pack_outcomes(outcomes: list[Outcome]) -> str:
    """Return outcomes as JSON."""
    return json.dumps([asdict(outcome) for outcome in outcomes])


def unpack_outcomes(text: str) -> list[Outcome]:
    """Read what ``pack_outcomes`` wrote."""
    return [_outcome(values) for values in json.loads(text)]


def _outcome(values: dict[str, Any]) -> Outcome:
    failure = values["failure"]
    return Outcome(
        **{
            **values,
            "measurements": {k: Measurement(**m) for k, m in values["measurements"].items()},
            "curve": tuple(CurvePoint(**point) for point in values["curve"]),
            "failure": Failure(**failure) if failure else None,
        }
    )

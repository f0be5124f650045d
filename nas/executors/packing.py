"""Jobs and outcomes as JSON: the only form in which they cross from process to process.

A cheap job costs less than the text it travels in; so what is usual is short, and quick to write.
And it is bytes, which Ray passes on as they are: it pickles a text, for a tenth of a call's cost.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from nas.architecture import Architecture
from nas.executors.jobs import Job, Outcome
from nas.trial import CurvePoint, Failure, Measurement


def pack_call(number: int, jobs: list[Job]) -> bytes:
    """Return the jobs of a call as JSON."""
    return f"[{number},[{','.join(map(_packed, jobs))}]]".encode("utf-8", "surrogatepass")


def _packed(job: Job) -> str:
    budget = "null" if job.budget is None else job.budget
    usual = f"{job.number},{job.architecture.to_json()},{budget},{job.seed}"
    if job.asks is None and job.inherits is None:
        return f"[{usual}]"
    asks = "null" if job.asks is None else list(job.asks)
    inherits = "" if job.inherits is None else f",{_packed(job.inherits)}"
    return f"[{usual},{asks}{inherits}]"


def unpack_call(packed: bytes) -> tuple[int, list[Job]]:
    """Read what ``pack_call`` wrote."""
    number, jobs = json.loads(packed.decode("utf-8", "surrogatepass"))
    return number, [_job(*values) for values in jobs]


def _job(
    number: int,
    decisions: dict[str, Any],
    budget: int | None,
    seed: int,
    asks: Sequence[int] | None = None,
    inherits: Sequence[Any] | None = None,
) -> Job:
    return Job(
        number,
        Architecture(decisions),
        budget,
        seed,
        None if asks is None else tuple(asks),
        None if inherits is None else _job(*inherits),
    )


def pack_outcomes(outcomes: list[Outcome]) -> bytes:
    """Return outcomes as JSON."""
    return json.dumps([_plain(outcome) for outcome in outcomes]).encode()


def unpack_outcomes(packed: bytes) -> list[Outcome]:
    """Read what ``pack_outcomes`` wrote."""
    return [_outcome(*values) for values in json.loads(packed)]


def _plain(o: Outcome) -> tuple[Any, ...]:
    # dataclasses.asdict copies every value deeply, which costs more than a cheap job does
    usual = (o.number, dict(o.metrics), o.started, o.seconds, o.worker, o.weight_bytes)
    if not (o.measurements or o.curve or o.failure or o.unknown or o.ended):
        return usual
    measurements = {k: (m.value, m.spread, dict(m.protocol)) for k, m in o.measurements.items()}
    curve = [(p.step, dict(p.metrics)) for p in o.curve]
    failure = vars(o.failure) if o.failure else None
    unknown = {name: vars(why) for name, why in o.unknown.items()}
    return (*usual, measurements, curve, failure, unknown, o.ended)


def _outcome(
    number: int,
    metrics: dict[str, float],
    started: float,
    seconds: float,
    worker: str,
    weight_bytes: int,
    measurements: dict[str, tuple[Any, ...]] | None = None,
    curve: list[tuple[int, dict[str, float]]] | None = None,
    failure: dict[str, str] | None = None,
    unknown: dict[str, dict[str, str]] | None = None,
    ended: str = "",
) -> Outcome:
    return Outcome(
        number,
        metrics,
        {k: Measurement(*m) for k, m in measurements.items()} if measurements else {},
        tuple(CurvePoint(*point) for point in curve) if curve else (),
        Failure(**failure) if failure else None,
        started,
        seconds,
        worker,
        weight_bytes,
        {name: Failure(**why) for name, why in unknown.items()} if unknown else {},
        ended,
    )

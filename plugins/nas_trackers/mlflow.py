"""A search in MLflow: an experiment a study, a run a session, a step a trial."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import nas
from nas.study import Study
from nas_trackers.sending import Sender
from nas_trackers.switch import asked_for

if TYPE_CHECKING:
    from mlflow import MlflowClient

ADDRESS = "NAS_MLFLOW"
"""Environment variable: the tracking URI, such as ``http://127.0.0.1:5000``."""
LONGEST = 500
"""Characters of a parameter that MLflow's servers all accept."""
PARAMS_AT_ONCE, METRICS_AT_ONCE = 100, 1000
"""MLflow's limits of a batch."""

Event: TypeAlias = "Begin | Point | End"

_sessions: dict[tuple[str, str], Sender[Event]] = {}


@dataclass(frozen=True)
class Begin:
    """A session has begun."""


@dataclass(frozen=True)
class Point:
    """Metrics of a trial.

    Args:
        metrics: by name.
        step: number of the trial.
        at: Unix time in milliseconds.
    """

    metrics: Mapping[str, float]
    step: int
    at: int


@dataclass(frozen=True)
class End:
    """A session has ended, for a reason."""

    reason: str


class Run:
    """One session as a run; it is created with the first thing that is sent.

    Args:
        address: tracking URI.
        study: as archived.
    """

    def __init__(self, address: str, study: Study) -> None:
        self._address, self._study = address, study

    @cached_property
    def _client(self) -> MlflowClient:
        from mlflow import MlflowClient

        return MlflowClient(tracking_uri=self._address)

    @cached_property
    def _id(self) -> str:
        client, study = self._client, self._study
        known = client.get_experiment_by_name(study.name)
        experiment = known.experiment_id if known else client.create_experiment(study.name)
        tags = {"nas.archive": study.archive, "nas.version": nas.__version__}
        run = client.create_run(experiment, tags=tags, run_name=study.name)
        return str(run.info.run_id)

    def send(self, items: Sequence[Event]) -> None:
        """Send the begin with the config, points, and the end; all of it can be sent again."""
        if any(isinstance(item, Begin) for item in items):
            self._send_config()
        self._send_points(items)
        for item in items:
            if isinstance(item, End):
                self._client.set_tag(self._id, "nas.reason", item.reason)
                status = "KILLED" if item.reason == "interrupted" else "FINISHED"
                self._client.set_terminated(self._id, status)

    def _send_config(self) -> None:
        from mlflow.entities import Param

        params = [Param(_key(k), str(v)[:LONGEST]) for k, v in _flat(self._study.config)]
        for start in range(0, len(params), PARAMS_AT_ONCE):
            self._client.log_batch(self._id, params=params[start : start + PARAMS_AT_ONCE])

    def _send_points(self, items: Sequence[Event]) -> None:
        from mlflow.entities import Metric

        metrics = [
            Metric(_key(name), value, item.at, item.step)
            for item in items
            if isinstance(item, Point)
            for name, value in item.metrics.items()
        ]
        for start in range(0, len(metrics), METRICS_AT_ONCE):
            self._client.log_batch(self._id, metrics=metrics[start : start + METRICS_AT_ONCE])


def _flat(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield a config's values with keys such as ``evaluator.epochs``."""
    for key, value in config.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        elif value is not None:
            yield f"{prefix}{key}", value


def _key(name: str) -> str:
    """Return a name of the characters that MLflow allows."""
    return re.sub(r"[^\w\-. /]", "_", name)[:250]


@nas.hookimpl
def nas_study_started(study: Study) -> None:
    """Begin a run if the environment names a server."""
    address = asked_for(ADDRESS, "mlflow", "mlflow")
    if address is not None:
        sender: Sender[Event] = Sender(f"MLflow at {address}", Run(address, study).send)
        sender.put(Begin())
        sender.start()
        _sessions[study.archive, study.name] = sender


@nas.hookimpl
def nas_trial_finished(study: Study, trial: nas.Trial) -> None:
    """Add a trial: its metrics, its seconds, whether it failed or was stopped.

    What a stopped one had achieved is not comparable with the others: it has names of its own.
    """
    if sender := _sessions.get((study.archive, study.name)):
        stopped = trial.status is nas.Status.STOPPED
        finite = {
            f"stopped/{name}" if stopped else name: value
            for name, value in trial.metrics.items()
            if math.isfinite(value)
        }
        failed = float(trial.status is nas.Status.FAILED)
        about = {"trial/failed": failed, "trial/stopped": float(stopped)}
        all_of_it = {**finite, "trial/seconds": trial.seconds, **about}
        sender.put(Point(all_of_it, trial.number, _now()))


@nas.hookimpl
def nas_front_changed(study: Study, front: Sequence[int]) -> None:
    """Add the front's size, at the newest trial on it."""
    if sender := _sessions.get((study.archive, study.name)):
        sender.put(Point({"front/size": float(len(front))}, max(front, default=0), _now()))


@nas.hookimpl
def nas_study_finished(study: Study, reason: str) -> None:
    """End the run."""
    if sender := _sessions.pop((study.archive, study.name), None):
        sender.put(End(reason))
        sender.close()


def _now() -> int:
    return int(time.time() * 1000)

"""What a reader is told beside studies and trials."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nas.archive.artifacts import Artifact
from nas.trial import Status, Trial


@dataclass(frozen=True)
class StudyState:
    """How far a study is.

    Args:
        status: ``running``, ``finished``, ``interrupted`` or ``failed``; a search that was killed
            still says ``running``.
        reason: why the last session ended, in words.
        created: Unix time.
        updated: Unix time of its last trial or change of status.
        trials: how many trials there are of each status.
        front: how many are on the front.
        stages: the parameters that make up each step of its learning curves, by name; empty where
            a step is an epoch.
    """

    status: str
    reason: str
    created: float
    updated: float
    trials: dict[Status, int]
    front: int
    stages: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class TrialDetails:
    """What an archive knows of a trial beside the trial.

    Args:
        study: name of its study.
        canonical_id: of the architecture; the same for the same network.
        text: the architecture in the space's own string form.
        started: Unix time at which the worker began; 0 if none did.
        worker: which machine and device it ran on.
        on_front: whether no other trial of its study dominates it.
        artifacts: the files that are kept for it.
    """

    study: str
    canonical_id: str
    text: str
    started: float
    worker: str
    on_front: bool
    artifacts: tuple[Artifact, ...]


@dataclass(frozen=True)
class Ancestor:
    """A trial that another one stems from, ``depth`` steps back: 1 is a parent."""

    depth: int
    trial: Trial

"""A search in TensorBoard: a folder a session, a point a trial, trial numbers as steps."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import nas
from nas.study import Study
from nas_trackers.switch import asked_for

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

FOLDER = "NAS_TENSORBOARD"
"""Environment variable: the folder that TensorBoard is given as ``--logdir``."""
REFERENCE_OF = 16
"""First complete trials, whose worst values are the hypervolume's reference point."""

_boards: dict[tuple[str, str], Board] = {}


class Board:
    """One session of a study.

    Args:
        folder: of all studies.
        study: as archived.
    """

    def __init__(self, folder: Path, study: Study) -> None:
        from torch.utils.tensorboard import SummaryWriter

        # a name is anybody's text: it must not choose where files are written
        name = re.sub(r"[^\w-]", "_", study.name)
        self._writer: SummaryWriter = SummaryWriter(
            str(folder / name / time.strftime("%Y%m%d-%H%M%S"))
        )
        self._failed, self._stopped, self._last = 0, 0, 0
        self._reference: tuple[float, ...] | None = None

    def trial(self, trial: nas.Trial) -> None:
        """Add a point to each metric; failures and stopped trials are counted.

        What a stopped one had achieved is not comparable with the others: it has tags of its own.
        """
        self._last = max(self._last, trial.number)
        stopped = trial.status is nas.Status.STOPPED
        for name, value in trial.metrics.items():
            if math.isfinite(value):
                self._add(f"{'stopped' if stopped else 'metrics'}/{name}", value, trial.number)
        if stopped:
            self._stopped += 1
            self._add("trial/stopped", self._stopped, trial.number)
        if trial.status is nas.Status.COMPLETE:
            self._add("trial/seconds", trial.seconds, trial.number)
        if trial.status is nas.Status.FAILED:
            self._failed += 1
            self._add("trial/failed", self._failed, trial.number)

    def front(self, study: Study, front: Sequence[int]) -> None:
        """Add its size, and its hypervolume once there is a reference point."""
        from nas.pareto import hypervolume

        self._add("front/size", len(front), self._last)
        with nas.Archive(study.archive) as archive:
            if self._reference is None:
                self._reference = _reference(archive, study)
            if self._reference is not None:
                losses = [trial.losses for trial in archive.front(study)]
                self._add("front/hypervolume", hypervolume(losses, self._reference), self._last)

    def close(self, reason: str) -> None:
        """Write why the session ended, and end the file."""
        self._writer.add_text("session/ended", reason, self._last)
        self._writer.close()

    def _add(self, tag: str, value: float, step: int) -> None:
        self._writer.add_scalar(tag, value, step)


def _reference(archive: nas.Archive, study: Study) -> tuple[float, ...] | None:
    first = archive.trials(study, status=nas.Status.COMPLETE, limit=REFERENCE_OF)
    if len(first) < REFERENCE_OF:
        return None
    return tuple(max(losses) for losses in zip(*(trial.losses for trial in first), strict=True))


@nas.hookimpl
def nas_study_started(study: Study) -> None:
    """Begin a folder if the environment asks for one."""
    folder = asked_for(FOLDER, "tensorboard", "tensorboard")
    if folder is not None:
        _boards[_key(study)] = Board(Path(folder), study)


@nas.hookimpl
def nas_trial_finished(study: Study, trial: nas.Trial) -> None:
    """Add a trial."""
    if board := _boards.get(_key(study)):
        board.trial(trial)


@nas.hookimpl
def nas_front_changed(study: Study, front: Sequence[int]) -> None:
    """Add the front."""
    if board := _boards.get(_key(study)):
        board.front(study, front)


@nas.hookimpl
def nas_study_finished(study: Study, reason: str) -> None:
    """End the session's file."""
    if board := _boards.pop(_key(study), None):
        board.close(reason)


def _key(study: Study) -> tuple[str, str]:
    return study.archive, study.name

"""Snapshots of evaluations in flight, kept beside the archive until their trials are archived."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from nas.abstract.checkpoint import Checkpoint, Snapshot
from nas.archive.snapshots import UNFINISHED, folder_of, path_of
from nas.errors import CandidateError
from nas.executors.jobs import Job
from nas.trial import CurvePoint

log = logging.getLogger(__name__)

_HEADER = "nas"


class Shelf(Protocol):
    """Keeps bytes by the number of a trial."""

    def get(self, number: int) -> bytes | None:
        """Return what was put there last, or None."""
        ...

    def put(self, number: int, content: bytes) -> None:
        """Replace what is there; raises ``OSError`` if it cannot be written."""
        ...


class CheckpointFolder:
    """One study's snapshots: ``digits.db.artifacts/checkpoints/1-17.safetensors``.

    Args:
        archive: path of the archive.
        study: row of the study.
    """

    def __init__(self, archive: Path, study: int) -> None:
        self.archive, self.study = archive, study
        self._folder = folder_of(archive)

    def get(self, number: int) -> bytes | None:
        """Return a trial's snapshot, or None."""
        try:
            return self._path(number).read_bytes()
        except OSError:
            return None

    def put(self, number: int, content: bytes) -> None:
        """Replace a trial's snapshot, whole or not at all."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._path(number)
        unfinished = path.with_suffix(UNFINISHED)
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)

    def copy(self, number: int, to: int) -> None:
        """Give a trial another one's snapshot, unless it has one of its own."""
        content = self.get(number)
        if content is not None and not self._path(to).exists():
            self.put(to, content)

    def remove(self, number: int) -> None:
        """Forget a trial's snapshot: the trial is archived."""
        with suppress(OSError):
            self._path(number).unlink()
        with suppress(OSError):  # not empty, or not there
            self._folder.rmdir()

    def clear(self) -> None:
        """Forget all snapshots: those of a new study are of an archive that is gone."""
        for path in self._folder.glob(f"{self.study}-*"):
            with suppress(OSError):
                path.unlink()

    def _path(self, number: int) -> Path:
        return path_of(self.archive, self.study, number)


@dataclass(frozen=True)
class Checkpoints:
    """What a worker needs to give each job its checkpoint.

    Args:
        shelf: where snapshots are kept.
        evaluation: digest of everything that an evaluation depends on but the architecture.
    """

    shelf: Shelf
    evaluation: str

    def of(self, job: Job, curve: list[CurvePoint]) -> JobCheckpoint:
        """Return a job's checkpoint; ``curve`` is what it reports, and is kept with it."""
        return JobCheckpoint(self.shelf, self.evaluation, job, curve)


class JobCheckpoint(Checkpoint):
    """Snapshots of one job, as safetensors with a JSON header; nothing in them is executed.

    Attributes:
        restored: is told the curve of a snapshot that was loaded.
    """

    def __init__(self, shelf: Shelf, evaluation: str, job: Job, curve: list[CurvePoint]) -> None:
        self._shelf, self._number, self._curve = shelf, job.number, curve
        self.restored: Callable[[list[CurvePoint]], None] = lambda curve: None
        self._key, self._inherits = _key(evaluation, job), job.inherits
        self._known = {self._key, *([_key(evaluation, job.inherits)] if job.inherits else [])}

    def load(self) -> Snapshot | None:
        snapshot = self._found()
        if snapshot is None and self._inherits is not None:
            raise CandidateError(
                f"the state of trial {self._inherits.number} that it was to begin with is lost"
            )
        return snapshot

    def _found(self) -> Snapshot | None:
        try:
            content = self._shelf.get(self._number)
            if content is None:
                return None
            header, tensors = _unpack(content)
            if header["key"] not in self._known:
                log.info("trial %d: the checkpoint is of another evaluation", self._number)
                return None
            curve = [CurvePoint(int(s), dict(metrics)) for s, metrics in header["curve"]]
            snapshot = Snapshot(tensors, header["values"])
        except Exception as error:  # noqa: BLE001 - damaged in whatever way: it is only a shortcut
            log.warning("trial %d: the checkpoint cannot be read: %s", self._number, error)
            return None
        self._curve[:] = curve
        self.restored(self._curve)
        return snapshot

    def save(self, snapshot: Snapshot) -> None:
        curve = [(point.step, dict(point.metrics)) for point in self._curve]
        header = {"key": self._key, "curve": curve, "values": dict(snapshot.values)}
        try:
            self._shelf.put(self._number, _pack(header, snapshot))
        except Exception as error:  # noqa: BLE001 - a full disk, a lost node: training goes on
            log.warning("trial %d: the checkpoint cannot be written: %s", self._number, error)


def _key(evaluation: str, job: Job) -> str:
    parts = (evaluation, job.architecture.to_json(), job.budget, job.seed, _torch_version())
    return hashlib.blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()


def _pack(header: dict[str, Any], snapshot: Snapshot) -> bytes:
    from safetensors.torch import save

    # cloned, for safetensors refuses tensors that share memory
    tensors = {k: t.detach().cpu().clone().contiguous() for k, t in snapshot.tensors.items()}
    packed: bytes = save(tensors, metadata={_HEADER: json.dumps(header)})
    return packed


def _unpack(content: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    from safetensors.torch import load

    tensors = load(content)
    length = int.from_bytes(content[:8], "little")
    described = json.loads(content[8 : 8 + length])
    header: dict[str, Any] = json.loads(described["__metadata__"][_HEADER])
    return header, tensors


def _torch_version() -> str:
    import torch

    return str(torch.__version__)

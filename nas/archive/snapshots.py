"""Where snapshots of evaluations lie: beside the weights, until their trials are archived.

``digits.db.artifacts/checkpoints/1-17.safetensors`` is that of trial 17 of the study in row 1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nas.archive.artifacts import Artifacts

SUFFIX, UNFINISHED = ".safetensors", ".part"

_NAME = re.compile(r"(\d{1,18})-(\d{1,18})")


@dataclass(frozen=True)
class SnapshotFile:
    """One of these files.

    Args:
        path: of the file.
        study: row of the study.
        number: of the trial.
        bytes: its size.
    """

    path: Path
    study: int
    number: int
    bytes: int

    @property
    def unfinished(self) -> bool:
        """Whether a killed process was writing it."""
        return self.path.suffix == UNFINISHED


def folder_of(archive: Path) -> Path:
    """Return the folder of an archive's snapshots."""
    return Artifacts(archive.absolute()).folder / "checkpoints"


def path_of(archive: Path, study: int, number: int) -> Path:
    """Return where the snapshot of a trial is."""
    return folder_of(archive) / f"{int(study)}-{int(number)}{SUFFIX}"


def snapshots_of(archive: Path) -> Iterator[SnapshotFile]:
    """Yield every snapshot, also unfinished ones; what is not ours is left alone."""
    folder = folder_of(archive)
    if folder.is_symlink() or folder.parent.is_symlink():
        return
    for path in sorted(folder.glob("*")):
        name = _NAME.fullmatch(path.stem)
        if name and path.suffix in (SUFFIX, UNFINISHED) and not path.is_symlink():
            yield SnapshotFile(path, int(name[1]), int(name[2]), path.stat().st_size)

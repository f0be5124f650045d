"""Export a network: write it, load it again, compare, and only then put it in place."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nas.abstract.exporter import Exporter, FoundNetwork
from nas.errors import ExportError, NASError

if TYPE_CHECKING:
    import torch

TOLERANCE = 1e-4
"""How far an exported network's logits may be from the archived one's, for logits up to 1 in size;
where the largest is larger, that many times as far. Float32 in another order of sums is a tenth
of that away at most."""

BATCHES = (1, 3)
"""Batch sizes that are compared; neither is the one that exporters trace with."""

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Exported:
    """What was written, and how it was found to be right.

    Args:
        files: path and size in bytes of each, the one that was asked for first.
        difference: the largest between its logits and the archived network's.
        limit: what it had to keep to.
        trained: whether the weights in them are trained ones; None if there are none in them.
    """

    files: Mapping[Path, int]
    difference: float
    limit: float
    trained: bool | None


def export(
    exporter: Exporter, found: FoundNetwork, path: str | Path, *, force: bool = False
) -> Exported:
    """Write a network in the form of an exporter.

    The file is written beside its place under another name, loaded, and its outputs are compared
    with the network's, for ``BATCHES`` of noise and of inputs that look like the data. Whatever
    goes wrong, or interrupts it, leaves nothing behind and what was there before as it was.

    Args:
        exporter: writes and loads it.
        found: the network.
        path: where to; with the exporter's suffix.
        force: whether files that are there already are replaced.

    Raises:
        ExportError: it cannot be written there, or what was written is not this network.
    """
    path = Path(path)
    _check_place(exporter, path, force)
    inputs = list(_inputs(found))
    expected = [_logits(found.network, batch) for batch in inputs]
    with _folder_beside(path) as folder:
        draft = folder / path.name
        with _blamed(exporter, "cannot write this network"):
            exporter.write(found, draft)
        if not draft.is_file():
            raise ExportError(f"exporter {_name(exporter)} has written no file")
        difference, limit = _compare(exporter, draft, found, inputs, expected)
        files = _put_in_place(folder, path, force)
    trained = bool(found.provenance["trained"]) if exporter.needs_weights else None
    return Exported({f: f.stat().st_size for f in files}, difference, limit, trained)


def _name(exporter: Exporter) -> str:
    return repr(type(exporter).__name__)


def _check_place(exporter: Exporter, path: Path, force: bool) -> None:
    if path.suffix != exporter.suffix:
        raise ExportError(
            f"{str(path)!r}: this exporter writes files that end in {exporter.suffix!r}, such as "
            f"{str(path.with_suffix(exporter.suffix)) if path.name else exporter.suffix!r}"
        )
    if path.is_dir():
        raise ExportError(f"{str(path)!r} is a folder; name the file")
    if not path.parent.is_dir():
        raise ExportError(f"{str(path)!r}: there is no folder {str(path.parent)!r}")
    _check_free([path], force)


def _check_free(paths: Sequence[Path], force: bool) -> None:
    taken = [str(path) for path in paths if os.path.lexists(path)]
    if taken and not force:
        raise ExportError(f"{taken[0]!r} exists; --force (force=True) replaces it")


def _inputs(found: FoundNetwork) -> Iterator[Floats]:
    """Yield batches of noise, and of inputs with the data's mean and deviation if they are known.

    Those are pixels for images: whole numbers from 0 to 255.
    """
    from nas.normalise import parted

    normalise, _ = parted(found.network)
    rng = np.random.default_rng(0)
    for batch in BATCHES:
        shape = (batch, *found.input_shape)
        yield rng.standard_normal(shape, dtype=np.float32)
        if normalise is None:
            yield rng.random(shape, dtype=np.float32)
            continue
        mean, std = normalise.mean.numpy(), normalise.std.numpy()
        real = mean + std * rng.standard_normal(shape, dtype=np.float32)
        yield real.clip(0, 255).round() if len(shape) == 4 else real


def _logits(network: torch.nn.Module, inputs: Floats) -> Floats:
    import torch

    try:
        with torch.no_grad():
            logits = network(torch.from_numpy(inputs.copy())).numpy()
    except Exception as error:  # a space's network can raise anything
        raise ExportError(f"the network cannot be run: {_first_line(error)}") from error
    if not np.isfinite(logits).all():
        raise ExportError(
            "the network's own outputs are not finite, so that no export can be compared with them"
        )
    result: Floats = logits
    return result


@contextmanager
def _blamed(exporter: Exporter, what: str) -> Iterator[None]:
    """Turn what a plugin raises into an error that names it."""
    try:
        yield
    except NASError:
        raise
    except Exception as error:
        raise ExportError(f"exporter {_name(exporter)} {what}: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else 'without a message'}"


def _compare(
    exporter: Exporter,
    draft: Path,
    found: FoundNetwork,
    inputs: Sequence[Floats],
    expected: Sequence[Floats],
) -> tuple[float, float]:
    """Return the largest difference, and the limit that it keeps to."""
    with _blamed(exporter, "has written what cannot be loaded"):
        run = exporter.load(draft, found)
    worst, limit = 0.0, TOLERANCE * max(1.0, *(float(np.abs(e).max()) for e in expected))
    for batch, right in zip(inputs, expected, strict=True):
        with _blamed(exporter, f"has written what fails on a batch of {len(batch)}"):
            logits = np.asarray(run(batch.copy()))
        if logits.shape != right.shape:
            raise ExportError(
                f"exporter {_name(exporter)} is wrong: the exported network returns "
                f"{logits.shape} for inputs {batch.shape}, the archived one {right.shape}"
            )
        if not np.isfinite(logits).all():
            raise ExportError(
                f"exporter {_name(exporter)} is wrong: the exported network has outputs that are "
                "not finite; nothing was written"
            )
        difference = float(np.abs(logits - right).max())
        if not difference <= limit:
            raise ExportError(
                f"exporter {_name(exporter)} is wrong: the exported network's outputs are "
                f"{difference:.2g} from the archived one's, more than {limit:.2g}, on a batch of "
                f"{len(batch)}; nothing was written"
            )
        worst = max(worst, difference)
    return worst, limit


@contextmanager
def _folder_beside(path: Path) -> Iterator[Path]:
    """Make an empty folder on the same disk, so that files can be moved at once."""
    try:
        folder = tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    except OSError as error:
        raise ExportError(f"{str(path)!r} cannot be written: {error.strerror}") from None
    try:
        yield Path(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _put_in_place(folder: Path, path: Path, force: bool) -> list[Path]:
    """Move all files, or none: what was moved is put back if that fails."""
    names = sorted((f.name for f in folder.iterdir()), key=lambda name: name == path.name)
    targets = {folder / name: path.parent / name for name in names}
    _check_free(list(targets.values()), force)
    kept = folder / "replaced"
    kept.mkdir()
    moved: list[Path] = []
    try:
        for draft, target in targets.items():
            if target.is_file():
                shutil.copy2(target, kept / target.name)
            moved.append(target)
            draft.replace(target)
    except BaseException:
        for target in moved:
            before = kept / target.name
            if before.exists():
                before.replace(target)
            elif not (folder / target.name).exists():
                target.unlink(missing_ok=True)
        raise
    return list(reversed(targets.values()))

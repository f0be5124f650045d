"""Laws of exporters."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import nas
from nas.exporting import export
from nas.testing.fakes import Dense, Images
from nas.testing.law import Inapplicable, broken, law, require
from nas.testing.state import state_of
from nas.testing.subject import Subject


def found_network(subject: Subject) -> nas.FoundNetwork:
    """Return a network that it can export, always with the same weights."""
    return _found(*_exportable(subject), seed=0)


@cache
def _exportable(subject: Subject) -> tuple[nas.Space, nas.Architecture]:
    """Look among this suite's spaces, and those that are installed."""
    import random

    from nas.testing.subject import subjects

    others = [s for s in subjects(subject.plugins) if s.kind == "space"]
    refused = ""
    for space in (Dense(), Images(), *(one.build() for one in others)):
        member = space.sample(random.Random(0))
        tried = _found(space, member, 0)
        with tempfile.TemporaryDirectory() as folder:
            exporter = subject.build()
            try:
                exporter.write(tried, Path(folder, f"network{exporter.suffix}"))
            except nas.ExportError as error:
                refused = str(error)
                continue
            except Exception:  # noqa: BLE001 - a law of its own says what it raised
                pass
        return space, member
    raise Inapplicable(f"it can export none of this suite's networks: {refused}")


def _found(space: nas.Space, member: nas.Architecture, seed: int) -> nas.FoundNetwork:
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = space.build(member).eval()
    return nas.FoundNetwork(space, member, network, _provenance(space, member))


def _provenance(space: nas.Space, member: nas.Architecture) -> dict[str, Any]:
    """Return what the archive says of a network that it has found."""
    toy = {"name": "conformance:toy", "parameters": {}, "distribution": "toy", "version": "1"}
    return {
        "archive": "nas.db",
        "study": "conformance",
        "trial": 1,
        "number": 0,
        "seed": 0,
        "status": "complete",
        "budget": None,
        "metrics": {"error": 0.5},
        "objectives": [{"metric": "error", "direction": "minimize", "unit": ""}],
        "space": toy,
        "architecture": space.format(member),
        "decisions": dict(member),
        "canonical_id": space.canonical_id(member),
        "input_shape": list(space.input_shape),
        "classes": space.classes,
        "normalises": False,
        "nas": nas.__version__,
        "torch": "2",
        "trained": True,
    }


@contextmanager
def _written(subject: Subject, found: nas.FoundNetwork) -> Iterator[tuple[nas.Exporter, Path]]:
    exporter: nas.Exporter = subject.build()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"network{exporter.suffix}")
        exporter.write(found, path)
        yield exporter, path


def _inputs(found: nas.FoundNetwork, batch: int = 3) -> NDArray[np.float32]:
    rng = np.random.default_rng(0)
    return rng.standard_normal((batch, *found.input_shape), dtype=np.float32)


@law("exporter")
def names_a_suffix(subject: Subject) -> None:
    """Its suffix is one of a file's name, such as .onnx."""
    suffix = subject.build().suffix
    right = isinstance(suffix, str) and suffix.startswith(".") and Path(f"a{suffix}").stem == "a"
    require(right, f"the suffix is {suffix!r}")


@law("exporter")
def what_is_written_is_the_network(subject: Subject) -> str:
    """Loaded again, the file gives the network's outputs for batches of any size.

    `nas export` refuses to put anything else in place.
    """
    found = found_network(subject)
    exporter = subject.build()
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = export(exporter, found, Path(folder, f"network{exporter.suffix}"))
        except nas.ExportError as error:
            broken(str(error))
    return f"outputs differ by {done.difference:.2g} at most"


@law("exporter")
def reads_nothing_but_the_file(subject: Subject) -> None:
    """Load takes the weights from the file, not from the network that it is shown.

    It is shown the same architecture with other weights.
    """
    import torch

    found = found_network(subject)
    if not subject.build().needs_weights:
        raise Inapplicable("its files have no weights")
    inputs = _inputs(found)
    with torch.no_grad():
        right = found.network(torch.from_numpy(inputs)).numpy()
    other = replace(found, network=_found(found.space, found.architecture, 1).network)
    with _written(subject, found) as (exporter, path):
        far = float(np.abs(exporter.load(path, other)(inputs) - right).max())
    require(far < 1e-3, f"shown other weights, the outputs are {far:.2g} from those written")


@law("exporter")
def leaves_the_network(subject: Subject) -> None:
    """Network, random states and flags are as they were after writing and loading."""
    found = found_network(subject)
    before = state_of(found.network)
    with _written(subject, found) as (exporter, path):
        exporter.load(path, found)(_inputs(found))
    require(state_of(found.network) == before, "it left the network, a generator or a flag changed")


@law("exporter")
def files_can_be_moved(subject: Subject) -> None:
    """Moved together to another folder, the files load as before.

    The files are written elsewhere and put in place together; refer to others by their names
    alone.
    """
    found = found_network(subject)
    inputs = _inputs(found)
    with _written(subject, found) as (exporter, path), tempfile.TemporaryDirectory() as other:
        before = exporter.load(path, found)(inputs)
        for file in path.parent.iterdir():
            file.rename(Path(other, file.name))
        after = exporter.load(Path(other, path.name), found)(inputs)
        require(np.allclose(before, after), "moved, the file gives other outputs")

"""A network written out in Python, for torch alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nas import ExportError, NetworkSource
from nas.abstract.exporter import Exporter, FoundNetwork, Run

if TYPE_CHECKING:
    import torch

_NORMALISATION = {"normalise.mean": "mean", "normalise.std": "std"}


class PythonModule(Exporter):
    """One readable file with this architecture's layers, and its weights in a file beside it.

    The weights are torch's state dict of tensors, which ``weights_only=True`` loads. The space
    writes the source: ``Space.source``.
    """

    suffix = ".py"

    def write(self, found: FoundNetwork, path: Path) -> None:
        """Write ``NAME.py`` and ``NAME.weights.pt``.

        Raises:
            ExportError: the space offers no source, or the source does not fit its network.
        """
        import torch

        from nas_exporters.python_file import check_imports, python_file

        space = type(found.space.networks).__name__
        source = found.space.source(found.architecture)
        if source is None:
            raise ExportError(
                f"exporter 'python' needs a space that writes its networks as Python, which "
                f"{space} does not: it has no method source(architecture) that returns a "
                "nas.NetworkSource. 'onnx', 'pt2', 'safetensors' and 'json' work for any space"
            )
        check_imports(source.code, space)
        weights = path.with_suffix(".weights.pt")
        text = python_file(found, source, weights.name, path.stem)
        path.write_text(text, encoding="utf-8")
        torch.save(_renamed(found, source), weights)

    def load(self, path: Path, found: FoundNetwork) -> Run:
        """Return what runs the file in a process that cannot import nas."""
        from nas_exporters.processes import Alone

        return Alone(path)


def _renamed(found: FoundNetwork, source: NetworkSource) -> dict[str, torch.Tensor]:
    """Return the archived weights that have an effect, under the names of the source."""
    state = {}
    for name, value in found.network.state_dict().items():
        inner = name.removeprefix("network.") if found.provenance["normalises"] else name
        written = source.written(inner)
        if name in _NORMALISATION:
            written = _NORMALISATION[name]
        elif written is not None and inner != name:
            written = f"network.{written}"
        if written is not None:
            state[written] = value.detach().clone().contiguous()
    return state

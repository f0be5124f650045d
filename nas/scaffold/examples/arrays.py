"""An exporter: weights as numpy's arrays."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import nas
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from nas.abstract.exporter import Run


class Arrays(nas.Exporter):
    """Weights and buffers as numpy's arrays, by their names in the network, in a file ``.npz``.

    For programs that know the architecture and need numpy alone.
    """

    suffix: ClassVar[str] = ".npz"

    def write(self, found: nas.FoundNetwork, path: Path) -> None:
        """Write every entry of the state dict."""
        arrays: dict[str, Any] = {k: v.numpy() for k, v in found.network.state_dict().items()}
        np.savez(path, **arrays)

    def load(self, path: Path, found: nas.FoundNetwork) -> Run:
        """Return what computes logits: a network of the same architecture with these weights."""
        from copy import deepcopy

        import torch

        network = deepcopy(found.network)
        with np.load(path) as arrays:
            network.load_state_dict({name: torch.from_numpy(arrays[name]) for name in arrays})

        def run(inputs: NDArray[np.float32]) -> NDArray[np.float32]:
            with torch.no_grad():
                outputs: NDArray[np.float32] = network(torch.from_numpy(inputs)).numpy()
            return outputs

        return run

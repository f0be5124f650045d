"""Formats that hold no layers: their networks are built by the space again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nas.abstract.exporter import FoundNetwork, Run
from nas.architecture import Architecture

if TYPE_CHECKING:
    import torch


def rebuilt(
    found: FoundNetwork, decisions: Mapping[str, Any], state: Mapping[str, torch.Tensor]
) -> Run:
    """Return what runs the network of these decisions with these weights."""
    import torch

    from nas.normalise import parted, with_normalisation

    with torch.random.fork_rng():
        network = found.space.build(found.space.architecture(Architecture(decisions)))
    if parted(found.network)[0] is not None:
        network = with_normalisation(network, found.input_shape)
    network.load_state_dict(state)
    return running(network.eval())


def running(network: torch.nn.Module) -> Run:
    """Return what runs a torch network on numpy's arrays."""
    import torch

    def run(inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.no_grad():
            logits: NDArray[np.float32] = network(torch.from_numpy(inputs)).numpy()
        return logits

    return run

"""From what is archived back to spaces and trained networks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from nas.architecture import Architecture
from nas.archive.record import ComponentRecord
from nas.errors import ArchiveError

if TYPE_CHECKING:
    import torch

    from nas.abstract.space import Space
    from nas.plugins import Plugins

_NORMALISE = {"normalise.mean", "normalise.std"}
"""Among the weights of a network that normalises its inputs, see ``nas.normalise``."""


def build_space(components: Iterable[ComponentRecord], plugins: Plugins | None) -> Space:
    """Build the space among a study's components. Raises ``ComponentError`` as plugins do."""
    from nas.plugins import Plugins

    component = next(c for c in components if c.role == "space")
    space: Space = (plugins or Plugins()).build("space", component.name, **component.parameters)
    return space


def unchanging(components: Iterable[ComponentRecord], plugins: Plugins | None) -> set[str]:
    """Return the metrics of a study's objectives that training does not change.

    Those that follow from the architecture, and those that are measured on its network. Raises
    ``ComponentError`` as plugins do.
    """
    from nas.abstract.objective import Objective, ReportedObjective
    from nas.plugins import Plugins

    known = plugins or Plugins()
    built: list[Objective] = [
        known.build("objective", component.name, **component.parameters)
        for component in components
        if component.role == "objective"
    ]
    return {one.metric for one in built if not isinstance(one, ReportedObjective)}


def load_network(
    space: Space, architecture: Architecture, weights: bytes, what: str
) -> torch.nn.Module:
    """Return the network of an architecture with these weights, in evaluation mode.

    Args:
        space: what builds it; torch's random state is left as it is.
        architecture: a member of the space.
        weights: its state dict, safetensors. With the keys of ``nas.normalise`` the network
            normalises its inputs, as it did when it was trained.
        what: the weights, for the error message.

    Raises:
        ArchiveError: the weights cannot be read or do not fit.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load

    from nas.normalise import with_normalisation

    with torch.random.fork_rng():
        network = space.build(architecture)
    try:
        state = load(weights)
        if state.keys() >= _NORMALISE:
            network = with_normalisation(network, space.input_shape)
        network.load_state_dict(state)
    except (SafetensorError, RuntimeError) as error:
        raise ArchiveError(
            f"the weights of {what} do not fit the network that the space builds: {error}"
        ) from error
    return network.eval()

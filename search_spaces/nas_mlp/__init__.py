"""The search space of fully connected networks that comes with nas."""

from __future__ import annotations

from nas import Component, hookimpl
from nas_mlp.space import MLP


@hookimpl
def nas_search_spaces() -> list[Component]:
    """Fully connected networks."""
    return [
        Component(
            "mlp",
            MLP,
            "fully connected networks: depth, widths, activation, normalisation, residual, dropout",
        )
    ]

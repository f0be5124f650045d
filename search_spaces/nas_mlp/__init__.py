"""The search space of fully connected networks that comes with nas."""

from __future__ import annotations

from nas import Component, hookimpl


@hookimpl
def nas_search_spaces() -> list[Component]:
    """Fully connected networks."""
    from nas_mlp.space import MLP

    return [
        Component(
            "mlp",
            MLP,
            "fully connected networks: depth, widths, activation, normalisation, residual, dropout",
            example={"input_shape": (8,), "classes": 3, "widths": (4, 8)},
        )
    ]

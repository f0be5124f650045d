"""Built-in evaluators: training."""

from __future__ import annotations

from nas import Component, hookimpl


@hookimpl
def nas_evaluators() -> list[Component]:
    """Train."""
    from nas_evaluators.train import Train

    return [Component("train", Train, "trains the network in PyTorch, on a GPU where there is one")]

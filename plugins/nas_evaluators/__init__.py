"""Built-in evaluators: training."""

from __future__ import annotations

from nas import Component, hookimpl
from nas_evaluators.train import Train


@hookimpl
def nas_evaluators() -> list[Component]:
    """Train."""
    return [Component("train", Train, "trains the network in PyTorch, on a GPU where there is one")]

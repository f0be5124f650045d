"""Built-in evaluators: training, and scoring without it."""

from __future__ import annotations

from nas import Component, hookimpl


@hookimpl
def nas_evaluators() -> list[Component]:
    """Train, or score."""
    from nas_evaluators.train import Train
    from nas_evaluators.zero_cost import ZeroCostEvaluator

    return [
        Component("train", Train, "trains the network in PyTorch, on a GPU where there is one"),
        Component("zero_cost", ZeroCostEvaluator, "scores untrained networks by proxies"),
    ]

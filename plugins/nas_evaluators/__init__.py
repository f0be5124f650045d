"""Built-in evaluators: training, scoring without it, looking results up."""

from __future__ import annotations

from functools import partial

from nas import Component, hookimpl


@hookimpl
def nas_evaluators() -> list[Component]:
    """Train, score, or look up."""
    from nas_evaluators.staged import Staged
    from nas_evaluators.tabular import Tabular
    from nas_evaluators.train import Train
    from nas_evaluators.zero_cost import ZeroCostEvaluator

    return [
        Component(
            "train",
            Train,
            "trains the network in PyTorch, on a GPU where there is one",
            example={"epochs": 2, "batch_size": 16},
        ),
        Component(
            "staged",
            Staged,
            "evaluates in stages: on less data or a smaller network first",
            example={
                "evaluator": {"name": "train", "epochs": 1, "batch_size": 16},
                "fidelity": {"data_share": [0.5, 1.0]},
            },
        ),
        Component(
            "tabular",
            Tabular,
            "looks results up in a CSV or Parquet file",
            example={"path": "digits-cells"},
        ),
        Component(
            "zero_cost",
            ZeroCostEvaluator,
            "scores untrained networks by proxies",
            example={"proxies": ["params", "grad_norm"]},
        ),
    ]


@hookimpl
def nas_tables() -> list[Component]:
    """Those that come with the package."""
    from nas_evaluators.tables import NAMED

    return [
        Component(name, partial(table.benchmark, name), table.summary)
        for name, table in NAMED.items()
    ]

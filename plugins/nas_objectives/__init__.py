"""Built-in objectives: what training reports, what shapes tell, what a clock measures."""

from __future__ import annotations

from collections.abc import Iterable

from nas import Component, hookimpl


@hookimpl
def nas_objectives() -> Iterable[Component]:
    """Register the objectives."""
    from nas_objectives.analytic import Flops, Params
    from nas_objectives.latency import Latency
    from nas_objectives.reported import Error, Loss, Reported, TrainSeconds

    return [
        Component("error", Error, "share of validation samples classified wrongly"),
        Component("loss", Loss, "validation cross-entropy"),
        Component("train_seconds", TrainSeconds, "time of training"),
        Component(
            "reported",
            Reported,
            "any metric that the evaluator reports, by name",
            example={"metric": "accuracy", "direction": "maximize"},
        ),
        Component("params", Params, "number of parameters"),
        Component("flops", Flops, "operations of one sample's forward pass"),
        Component(
            "latency",
            Latency,
            "measured time of one forward pass",
            example={"warmup": 1, "repeats": 5},
        ),
    ]

"""Components that each break one law of every kind: the one that they are named after."""

from __future__ import annotations

from typing import Any

import nas


class Good(nas.ReportedObjective):
    metric = "accuracy"
    direction = "maximize"


class Lookalike:
    """It has the attributes, but what uses it asks for the class."""

    metric, direction, unit = "accuracy", "maximize", ""


def anything(**parameters: Any) -> Good:
    return Good()


@nas.hookimpl
def nas_objectives() -> list[nas.Component]:
    return [
        nas.Component("builds-from-its-example", Lookalike, "no objective"),
        nas.Component("names-its-parameters", anything, "takes any parameter"),
        nas.Component("says-what-it-is", Good, ""),
    ]

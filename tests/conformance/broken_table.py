"""Tables that each break one law: the one that they are named after."""

from __future__ import annotations

import nas

ZERO = {"name": "zero_cost", "proxies": ["params"]}


def named():
    return {"name": "mine", "space": "mlp", "evaluator": ZERO, "objectives": ["params"]}


def lost():
    return {"space": "nowhere", "evaluator": ZERO, "objectives": ["params"]}


@nas.hookimpl
def nas_tables():
    return [
        nas.Component("is-plain-values", named, "broken"),
        nas.Component("says-what-a-benchmark-needs", lost, "broken"),
    ]

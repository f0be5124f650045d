"""Objectives that each break one law: the one that they are named after."""

from __future__ import annotations

import itertools
import math

import nas

_CALLS = itertools.count()


class Sideways(nas.ReportedObjective):
    metric = "accuracy"
    direction = "up"


class Widths(nas.AnalyticObjective):
    """Breaks nothing."""

    metric = "widths"

    def estimate(self, space, architecture):
        return float(sum(v for v in architecture.values() if isinstance(v, int)))


class Invented(Widths):
    def estimate(self, space, architecture):
        found = super().estimate(space, architecture)
        return math.nan if architecture.get("layers") == 2 else found


class Drifting(Widths):
    def estimate(self, space, architecture):
        return super().estimate(space, architecture) + next(_CALLS)


class Measured(nas.MeasuredObjective):
    """Breaks nothing."""

    metric = "weights"

    def measure(self, network, input_shape, threads):
        return nas.Measurement(float(len(list(network.parameters()))), 0.0, {"how": "counted"})


class Unsaid(Measured):
    def measure(self, network, input_shape, threads):
        return nas.Measurement(1.0, 0.0, {"network": network})


class Switches(Measured):
    def measure(self, network, input_shape, threads):
        return super().measure(network.eval(), input_shape, threads)


@nas.hookimpl
def nas_objectives():
    broken = {
        "says-what-it-is-and-which-way": Sideways,
        "an-estimate-is-a-number": Invented,
        "an-estimate-depends-on-the-architecture-alone": Drifting,
        "a-measurement-has-its-protocol": Unsaid,
        "measuring-leaves-no-trace": Switches,
    }
    return [nas.Component(name, build, "broken") for name, build in broken.items()]

"""Proxies and aggregates for searches over ``toy``'s numbers; nothing is built in."""

import nas


class ByWeight(nas.Proxy):
    """A score that is different for every network, and the same for every batch."""

    needs_data = False
    sign = 1.0

    def compute(self, network, inputs, targets):
        return self.sign * float(network.weight.detach().sum())


class Against(ByWeight):
    sign = -1.0


class Picky(ByWeight):
    def compute(self, network, inputs, targets):
        value = super().compute(network, inputs, targets)
        if value < 0:
            raise nas.NotApplicableError("the weights are too light")
        return value


def both():
    return nas.Aggregate(["by_weight", "picky"])


def circle():
    return nas.Aggregate(["by_weight", "circle"])


@nas.hookimpl
def nas_proxies():
    return [
        nas.Component("by_weight", ByWeight, "sum of the weights"),
        nas.Component("against", Against, "the other way round"),
        nas.Component("picky", Picky, "has no score for half of them"),
        nas.Component("both", both, "two at once"),
        nas.Component("circle", circle, "part of itself"),
    ]

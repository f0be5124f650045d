"""Proxies that each break one law: the one that they are named after."""

from __future__ import annotations

import itertools
from typing import ClassVar

import torch

import nas

_SCORED = itertools.count()


def answer(network, inputs, targets):
    """A score that looks at samples and targets, whatever their order."""
    with torch.no_grad():
        logits = network.eval()(inputs)
    return float(torch.nn.functional.cross_entropy(logits, targets).neg())


class Good(nas.Proxy):
    """Breaks nothing."""

    def compute(self, network, inputs, targets):
        return answer(network, inputs, targets)


class Priceless(Good):
    cost: ClassVar[float] = -1.0


class Standardises(Good):
    """It leaves the samples changed."""

    def compute(self, network, inputs, targets):
        found = super().compute(network, inputs, targets)
        inputs -= inputs.mean()
        return found


class Threads(Good):
    """It puts what it changed back, unless the network raises."""

    def compute(self, network, inputs, targets):
        targets += 1
        found = super().compute(network, inputs, targets - 1)
        targets -= 1
        return found


class Brittle(Good):
    """What no number is makes it raise what no search knows."""

    def compute(self, network, inputs, targets):
        found = super().compute(network, inputs, targets)
        if found != found:
            raise ZeroDivisionError("no number")
        return found


class Counting(Good):
    def compute(self, network, inputs, targets):
        return super().compute(network, inputs, targets) + next(_SCORED)


class FirstSample(Good):
    def compute(self, network, inputs, targets):
        return super().compute(network, inputs[:2], targets[:2])


class ConvolutionsOnly(Good):
    def compute(self, network, inputs, targets):
        convolutions = [m for m in network.modules() if isinstance(m, torch.nn.Conv2d)]
        if not convolutions:
            raise nas.CandidateError("no convolutions")
        return super().compute(network, inputs, targets)


class Secretive(Good):
    needs_targets: ClassVar[bool] = False


class Jealous(nas.SharingProxy):
    """What it shares is used up by whoever comes first."""

    @classmethod
    def share(cls, network, inputs, targets):
        return [answer(network, inputs, targets)]

    def compute_from(self, shared):
        shared.append(shared[-1] + 1)
        return shared[-2]


@nas.hookimpl
def nas_proxies():
    broken = {
        "says-what-it-needs-and-costs": Priceless,
        "leaves-no-trace": Standardises,
        "leaves-no-trace-when-it-fails": Threads,
        "is-a-number-or-a-typed-failure": Brittle,
        "the-seed-decides": Counting,
        "the-order-of-samples-is-irrelevant": FirstSample,
        "applies-or-says-so": ConvolutionsOnly,
        "looks-at-what-it-says": Secretive,
        "together-is-as-alone": Jealous,
    }
    return [nas.Component(name, build, "broken") for name, build in broken.items()]

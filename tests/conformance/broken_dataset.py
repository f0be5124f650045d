"""Data sets that each break one law: the one that they are named after."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass

import numpy as np

import nas

_LOADS = itertools.count()


@dataclass(frozen=True, kw_only=True)
class Good(nas.Dataset):
    """Two clouds; breaks nothing."""

    def load(self):
        rng = np.random.default_rng(0)
        inputs = rng.normal(size=(60, 4)).astype(np.float32)
        targets = (np.arange(60) % 2).astype(np.int64)
        train, test = nas.Split(inputs[:40], targets[:40]), nas.Split(inputs[40:], targets[40:])
        return nas.Examples(train, test, 2)


class Doubles(Good):
    def load(self):
        found = super().load()
        train = nas.Split(found.train.inputs.astype(np.float64), found.train.targets)
        return nas.Examples(train, None, 2)


class FromOne(Good):
    def load(self):
        found = super().load()
        test = nas.Split(found.test.inputs, found.test.targets + 1)
        return nas.Examples(found.train, test, 2)


class Grows(Good):
    def load(self):
        found = super().load()
        test = nas.Split(found.test.inputs + np.float32(next(_LOADS)), found.test.targets)
        return nas.Examples(found.train, test, 2)


class Lonely(Good):
    def load(self):
        found = super().load()
        targets = found.train.targets.copy()
        targets[0] = 2
        return nas.Examples(nas.Split(found.train.inputs, targets), found.test, 3)


class Leaks(Good):
    def load(self):
        found = super().load()
        return nas.Examples(found.train, nas.Split(*map(_first, vars(found.train).values())), 2)


def _first(values):
    return values[:20]


class Global(Good):
    def load(self):
        random.random()
        return super().load()


@nas.hookimpl
def nas_datasets():
    broken = {
        "inputs-have-a-known-form": Doubles,
        "targets-are-classes": FromOne,
        "loads-the-same-each-time": Grows,
        "can-be-searched-on": Lonely,
        "the-test-split-is-other-samples": Leaks,
        "leaves-random-state": Global,
    }
    return [nas.Component(name, build, "broken") for name, build in broken.items()]

"""The evaluator ``train``, of which some architectures take their process with them."""

import os
import time
from dataclasses import dataclass

import nas
from nas_evaluators.train import Train


@dataclass(frozen=True, kw_only=True)
class Fragile(Train):
    """Misbehaves by canonical id, so the same architecture always does the same."""

    def evaluate(self, task, report):
        fate = int(task.space.canonical_id(task.architecture), 16) % 40
        if fate == 0:
            os._exit(1)
        if fate == 1:
            time.sleep(600)
        if fate == 2:
            raise RuntimeError("cannot be trained")
        if fate == 3:
            raise nas.NonFiniteError("the loss is nan")
        return super().evaluate(task, report)


@nas.hookimpl
def nas_evaluators():
    return [nas.Component("fragile", Fragile, "train, at times fatal")]

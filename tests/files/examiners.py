"""Evaluators that tell little or nonsense of single samples; a data set without a test split."""

from dataclasses import dataclass

import numpy as np
import torch

import nas


@dataclass(frozen=True, kw_only=True)
class Untrained(nas.Evaluator):
    """Reports a number that has nothing to do with the network."""

    metrics = ("error",)
    mode: str = "none"

    def evaluate(self, task, report):
        torch.manual_seed(task.seed)
        return nas.Evaluation({"error": 0.5}, task.space.build(task.architecture))


class Examiner(Untrained):
    """Says something of each sample."""

    def examine(self, network, samples):
        n = len(samples)
        return {
            "shape": {"error": np.zeros(n + 1)},
            "nan": {"error": np.where(np.arange(n) == 3, np.nan, 0.0)},
            "right": {"error": np.arange(n) % 2},
        }[self.mode]


@dataclass(frozen=True, kw_only=True)
class Untested(nas.Dataset):
    """The digits, without the test."""

    def load(self):
        digits = nas.dataset("digits").load()
        return nas.Examples(digits.train, None, digits.classes)


@nas.hookimpl
def nas_evaluators():
    return [
        nas.Component("untrained", Untrained, "half of all"),
        nas.Component("examiner", Examiner, "on demand"),
    ]


@nas.hookimpl
def nas_datasets():
    return [nas.Component("untested", Untested, "no test split")]

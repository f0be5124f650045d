"""A data set of many bytes, and an evaluator that reads them all."""

import time
from dataclasses import dataclass

import numpy as np

import nas


@dataclass(frozen=True, kw_only=True)
class Heavy(nas.Dataset):
    megabytes: int = 200

    def load(self):
        rows = self.megabytes * 250
        inputs = np.repeat(np.arange(rows, dtype=np.float32)[:, None], 1000, axis=1)
        targets = np.arange(rows) % 2
        return nas.Examples(nas.Split(inputs, targets), None, 2)


@dataclass(frozen=True, kw_only=True)
class Reads(nas.Evaluator):
    metrics = ("total", "spread")
    needs_data = True

    def evaluate(self, task, report):
        digits = [int(value) for value in task.architecture.values()]
        inputs = task.data.train.inputs
        if inputs.nbytes < 100e6 or float(inputs[:, 7].sum(dtype=np.float64)) <= 0:
            raise RuntimeError("this is not all of it")
        time.sleep(0.25)
        return nas.Evaluation({"total": float(sum(digits)), "spread": 0.0})


@nas.hookimpl
def nas_datasets():
    return [nas.Component("heavy", Heavy, "many bytes")]


@nas.hookimpl
def nas_evaluators():
    return [nas.Component("reads", Reads, "reads all bytes")]

"""The evaluator ``train``, writing down each epoch that it really trains."""

import os
from dataclasses import dataclass

import nas
from nas_evaluators.train import Train


@dataclass(frozen=True, kw_only=True)
class Traced(Train):
    trace: str = ""

    def evaluate(self, task, report):
        handle = os.open(self.trace, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

        def noted(step, metrics, snapshot=None):
            os.write(handle, f"{step}\n".encode())
            return report(step, metrics, snapshot)

        try:
            return super().evaluate(task, noted)
        finally:
            os.close(handle)


@nas.hookimpl
def nas_evaluators():
    return [nas.Component("traced", Traced, "train, traced")]

"""Losses that depend on the network and on how it is trained, in one plugin file."""

import math
from dataclasses import dataclass
from pathlib import Path

import nas
from nas import checks


@dataclass(frozen=True)
class Trio(nas.Space):
    """Three letters; the text of one has braces, quotes and blanks in it."""

    width: int = 4
    wide: bool = False
    input_shape: tuple[int, ...] = (4,)
    classes: int = 2

    @property
    def decisions(self):
        letters = ("a", "b", "c", "{}") if self.wide else ("a", "b", "c")
        return [
            nas.Categorical("first", letters),
            nas.Categorical("second", letters),
            nas.Categorical("third", letters, when={"second": ["a", "b"]}),
        ]

    def canonical_form(self, architecture):
        # the order of the first two makes no difference
        letters = sorted([str(architecture["first"]), str(architecture["second"])])
        return str([*letters, architecture.get("third")])

    def format(self, architecture):
        return f"trio {{}} {architecture.to_json()} {{"

    def parse(self, text):
        return super().parse(text.removeprefix("trio {} ").removesuffix(" {"))

    def build(self, architecture):
        import torch

        return torch.nn.Linear(self.input_shape[0], self.width)


@dataclass(frozen=True, kw_only=True)
class Tuned(nas.Evaluator):
    """Best with ``b`` everywhere, a rate of 0.01 and mode ``sharp``, whose slope is best at 2."""

    metrics = ("loss", "rate", "slope", "size", "share")
    needs_data = False

    rate: float = 1.0
    mode: str = "blunt"
    slope: int | None = None
    share: float = 1.0
    steps: int = 2
    breaks: bool = False
    log: str = ""

    def __post_init__(self):
        super().__post_init__()
        checks.number("rate", self.rate, positive=True)
        checks.one_of("mode", self.mode, ("blunt", "sharp"))
        if self.slope is not None and self.mode != "sharp":
            raise ValueError("slope belongs to sharp")

    @property
    def budget(self):
        return self.steps

    def evaluate(self, task, report):
        if type(task.space).__name__ != "Trio":
            raise AssertionError(f"a strange space, {task.space}")
        if self.log:
            with Path(self.log).open("a") as file:
                file.write(f"{task.seed} {self.share} {task.space.width}\n")
        if self.breaks and task.architecture["first"] == "c":
            raise nas.CandidateError("c cannot be trained")
        wrong = sum(letter != "b" for letter in task.architecture.values())
        loss = wrong + abs(math.log10(self.rate) + 2) + (self.mode == "blunt")
        loss += 0 if self.slope is None else 0.1 * abs(self.slope - 2)
        for step in range(1, task.budget + 1):
            report(step, {"loss": loss + (1 - self.share) + task.budget - step})
        slope = -1 if self.slope is None else self.slope
        return nas.Evaluation(
            {
                "loss": loss + (1 - self.share),
                "rate": self.rate,
                "slope": slope,
                "size": task.space.size,
                "share": self.share,
            },
            task.space.build(task.architecture),
        )


class Loss(nas.ReportedObjective):
    metric = "loss"


class Letters(nas.AnalyticObjective):
    """How many letters there are; it knows no other spaces."""

    metric = "letters"

    def estimate(self, space, architecture):
        assert isinstance(space, Trio)
        return len(architecture)


class Weight(nas.Proxy):
    """Sum of the initial weights."""

    needs_data = False

    def compute(self, network, inputs, targets):
        return float(network.weight.detach().sum())


@nas.hookimpl
def nas_search_spaces():
    return [nas.Component("trio", Trio, "three letters")]


@nas.hookimpl
def nas_evaluators():
    return [nas.Component("tuned", Tuned, "depends on how it is trained")]


@nas.hookimpl
def nas_objectives():
    return [
        nas.Component("tuned_loss", Loss, "of tuned"),
        nas.Component("letters", Letters, "how many"),
    ]


@nas.hookimpl
def nas_proxies():
    return [nas.Component("weight", Weight, "sum of weights")]

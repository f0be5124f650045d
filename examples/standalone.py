"""A search in which nothing is built in: space, evaluator, objective and strategy are this file's.

Small networks tell three kinds of wine apart (178 bottles, scikit-learn's data). So few samples are
better judged by cross-validation than by one validation part; so this file brings an evaluator that
does that, and with it everything else that a search needs.

    nas search examples/standalone.toml --plugin examples/standalone.py

A minute and a half on a busy machine; the best network gets 2 of the 178 wrong (0.0112).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import nas

FEATURES, KINDS = 13, 3


class Dense(nas.Space):
    """One or two hidden layers of tanh or ReLU units."""

    input_shape, classes = (FEATURES,), KINDS

    @property
    def decisions(self) -> Sequence[Any]:
        return [
            nas.Categorical("activation", ["relu", "tanh"]),
            nas.Integer("layers", 1, 2),
            nas.Integer("width_1", 2, 16, step=2),
            nas.Integer("width_2", 2, 16, step=2, when={"layers": [2]}),
        ]

    def build(self, architecture: nas.Architecture) -> Any:
        from torch import nn

        activation = {"relu": nn.ReLU, "tanh": nn.Tanh}[str(architecture["activation"])]
        inputs, layers = FEATURES, []
        for i in range(1, int(architecture["layers"]) + 1):
            outputs = int(architecture[f"width_{i}"])
            layers += [nn.Linear(inputs, outputs), activation()]
            inputs = outputs
        return nn.Sequential(*layers, nn.Linear(inputs, KINDS))


@dataclass(frozen=True, kw_only=True)
class CrossValidated(nas.Evaluator):
    """Share of bottles that networks get wrong which were trained on the other folds.

    Args:
        epochs: the budget; an epoch is one step with all samples.
        folds: into which the samples are dealt.
    """

    metrics = ("wrong",)
    needs_data = False

    epochs: int = 40
    folds: int = 5

    @property
    def budget(self) -> int:
        return self.epochs

    def check(self, space: nas.Space) -> None:
        """Raise ``ConfigError`` on networks for other data."""
        if (tuple(space.input_shape), space.classes) != ((FEATURES,), KINDS):
            raise nas.ConfigError(
                f"cross_validated has {FEATURES} features and {KINDS} classes, the space "
                f"{tuple(space.input_shape)} and {space.classes}"
            )

    def evaluate(self, task: nas.Task, report: nas.Report) -> nas.Evaluation:
        """Train a network for each fold, all of them an epoch further at a time."""
        import torch

        torch.manual_seed(task.seed)
        folds = [
            Fold(task.space.build(task.architecture), fold, self.folds)
            for fold in range(self.folds)
        ]
        wrong = 1.0
        for epoch in range(1, (task.budget or self.epochs) + 1):
            wrong = sum(fold.train_and_count() for fold in folds) / len(wine()[1])
            report(epoch, {"wrong": wrong})
        return nas.Evaluation({"wrong": wrong})


class Fold:
    """A network, what it is trained on, and what it is tried on."""

    def __init__(self, network: Any, fold: int, folds: int) -> None:
        import torch

        inputs, targets = wine()
        left_out = torch.arange(len(targets)) % folds == fold  # sorted by kind: some of each
        mean, std = inputs[~left_out].mean(0), inputs[~left_out].std(0)
        scaled = (inputs - mean) / std
        self.train, self.test = ((scaled[part], targets[part]) for part in (~left_out, left_out))
        self.network = network
        self.optimizer = torch.optim.Adam(network.parameters(), lr=0.03)

    def train_and_count(self) -> int:
        """Train for an epoch; return how many of those left out are taken for another kind."""
        from torch.nn.functional import cross_entropy

        inputs, targets = self.train
        self.optimizer.zero_grad()
        cross_entropy(self.network(inputs), targets).backward()
        self.optimizer.step()
        inputs, targets = self.test
        return int((self.network(inputs).argmax(1) != targets).sum())


@cache
def wine() -> tuple[Any, Any]:
    """Return features, ``(178, 13)`` float32, and kinds, ``(178,)``."""
    import torch
    from sklearn.datasets import load_wine

    inputs, targets = load_wine(return_X_y=True)
    return torch.tensor(inputs, dtype=torch.float32), torch.tensor(targets)


class Wrong(nas.ReportedObjective):
    """What ``CrossValidated`` reports."""

    metric = "wrong"


class Climb(nas.Strategy):
    """Changes one decision of the best so far; draws at random for a start.

    Args:
        draws: trials that are told before anything is changed.
    """

    def __init__(self, draws: int = 6) -> None:
        self.draws = draws
        self.space: nas.Space | None = None

    def start(self, problem: nas.Problem) -> None:
        if len(problem.goals) > 1:
            raise nas.ConfigError("climb goes by one objective")
        self.space, self.told = problem.space, 0
        self.best: nas.Trial | None = None

    def ask(self, rng: Any) -> nas.Proposal:
        if self.space is None:
            raise nas.StudyError("call start(problem) before ask")
        if self.best is None or self.told < self.draws:
            return nas.Proposal(self.space.sample(rng))
        mutant = self.space.mutate(self.best.architecture, rng)
        return nas.Proposal(mutant, parents=(self.best.number,))

    def tell(self, trial: nas.Trial) -> None:
        self.told += 1
        if trial.feasible and (self.best is None or trial.losses < self.best.losses):
            self.best = trial


@nas.hookimpl
def nas_search_spaces() -> list[nas.Component]:
    return [nas.Component("dense", Dense, "one or two dense layers for 13 features")]


@nas.hookimpl
def nas_evaluators() -> list[nas.Component]:
    quick = {"epochs": 2, "folds": 3}  # what ``nas plugins check`` builds it with
    summary = "cross-validation on scikit-learn's wine"
    return [nas.Component("cross_validated", CrossValidated, summary, example=quick)]


@nas.hookimpl
def nas_objectives() -> list[nas.Component]:
    return [nas.Component("wrong", Wrong, "share of bottles that are taken for another kind")]


@nas.hookimpl
def nas_strategies() -> list[nas.Component]:
    return [nas.Component("climb", Climb, "changes one decision of the best so far")]

"""What strategies cost themselves: milliseconds of ask and tell for each trial.

    python benchmarks/strategy_cost.py [--strategies nsga2 bananas ...] [--trials 1000]

Losses are looked up in no time, so all of the time is the strategy's. Each search goes through the
engine's proposer, as every search does, so that asking again for what is known is counted too. The
figures are processor time: the mean over all trials up to a mark, and over the last tenth of them.
Without ``--strategies`` all that are installed are timed; those that need parameters are left out.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

import nas
from nas.engine.proposer import Proposer
from nas.plugins import Plugins

SPACES = {
    "nas201": lambda: nas.space("nas201"),
    "30 decisions": lambda: Flat(30, 5),
}


class Flat(nas.Space):
    """Independent decisions.

    Args:
        decisions: how many.
        choices: values of each.
    """

    input_shape, classes = (1,), 2
    decisions = ()

    def __init__(self, decisions: int, choices: int) -> None:
        self.decisions = [nas.Categorical(f"d{i}", range(choices)) for i in range(decisions)]

    def build(self, architecture: nas.Architecture) -> object:
        """Nothing is built here."""
        raise NotImplementedError


def timed(name: str, space: nas.Space, objectives: int, trials: int) -> list[float]:
    """Return the seconds of each trial."""
    goals = tuple(nas.Goal(f"metric {i}") for i in range(objectives))
    strategy = nas.strategy(name)
    strategy.start(nas.Problem(space, goals, 0))
    proposer = Proposer(space, strategy, goals, {}, 0)
    weights = np.random.default_rng(0).normal(size=(objectives, space.tree.offsets[-1]))
    seconds = []
    for number in range(trials):
        before = time.process_time()
        candidate = proposer.propose(number)
        after = time.process_time()
        assert candidate is not None
        architecture = candidate.proposal.architecture
        losses = tuple((weights @ space.one_hot(architecture)).tolist())
        trial = nas.Trial(number, architecture, nas.Status.COMPLETE, losses)
        told = time.process_time()
        strategy.tell(trial)
        seconds.append(after - before + time.process_time() - told)
    return seconds


def main() -> None:
    """Time each strategy on each space, with one objective and with two."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--strategies", nargs="+", default=None)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--objectives", type=int, nargs="+", default=[1, 2])
    options = parser.parse_args()
    names = options.strategies or Plugins().registry("strategy").names()
    marks = [mark for mark in (100, 1_000, 10_000) if mark < options.trials] + [options.trials]
    print("ms a trial: mean of all up to the mark, mean of the last tenth")
    for title, space in SPACES.items():
        for objectives in options.objectives:
            print(f"\n{title}, {objectives} objective(s)")
            print(f"{'':24}" + "".join(f"{mark:>20,}" for mark in marks))
            for name in names:
                try:
                    seconds = timed(name, space(), objectives, options.trials)
                except nas.ComponentError as error:
                    print(f"{name:24} left out: {error}")
                    continue
                cells = (_cell(seconds[:mark]) for mark in marks)
                print(f"{name:24}" + "".join(f"{cell:>20}" for cell in cells), flush=True)


def _cell(seconds: list[float]) -> str:
    last = seconds[-max(len(seconds) // 10, 1) :]
    return f"{np.mean(seconds) * 1e3:.1f} {np.mean(last) * 1e3:.1f}"


if __name__ == "__main__":
    main()

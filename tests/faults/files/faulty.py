"""A plugin whose candidates do everything that a candidate must never do."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import nas

FAULTS = (
    "fine",
    "raises",
    "unpicklable",
    "unspeakable",
    "base_exception",
    "interrupts",
    "exits",
    "recurses",
    "nan",
    "infinite",
    "text",
    "nothing",
    "gpu_memory",
    "chatty",
    "orphans",
    "asks_child",
    "hog",
    "torch_hog",
    "busy",
    "sleeps",
    "stubborn",
    "sleeps_with_child",
    "dies",
    "segfault",
    "aborts",
)


@dataclass(frozen=True)
class Faults(nas.Space):
    """Each fault, with healthy candidates between them."""

    faults: tuple[str, ...] = FAULTS
    input_shape: tuple[int, ...] = (4,)
    classes: int = 2

    @property
    def decisions(self):
        return [nas.Categorical("fault", tuple(self.faults)), nas.Integer("copy", 0, 1)]

    def build(self, architecture):
        import torch

        return torch.nn.Linear(4, 2)


class UnpicklableError(Exception):
    """Cannot be made again from its arguments, and holds what nobody can pickle."""

    def __init__(self, a, b):
        super().__init__("no two arguments")
        self.lock = threading.Lock()


class UnspeakableError(Exception):
    def __str__(self):
        raise ValueError("not even this works")


class Base(BaseException):
    pass


@dataclass(frozen=True, kw_only=True)
class Faulty(nas.Evaluator):
    """Does what its architecture is named after, if ``copy`` is 1."""

    folder: str = ""

    metrics = ("score",)
    needs_data = False

    def __post_init__(self):
        super().__post_init__()
        import torch  # noqa: F401 - here, for on a busy machine it takes longer than a trial may

    def evaluate(self, task, report):
        report(1, {"score": 0.5})
        value = 1.0
        if task.architecture["copy"]:
            value = getattr(self, f"_{task.architecture['fault']}", lambda: 1.0)()
        return nas.Evaluation({"score": value})

    def _raises(self):
        raise RuntimeError("this candidate cannot be trained")

    def _unpicklable(self):
        raise UnpicklableError(1, 2)

    def _unspeakable(self):
        raise UnspeakableError

    def _base_exception(self):
        raise Base("not even an Exception")

    def _interrupts(self):
        raise KeyboardInterrupt

    def _exits(self):
        sys.exit("leaving")

    def _recurses(self):
        return self._recurses()

    def _nan(self):
        return float("nan")

    def _infinite(self):
        return float("inf")

    def _text(self):
        return "high"

    def _nothing(self):
        return None

    def _gpu_memory(self):
        import torch

        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 80.00 GiB.")

    def _chatty(self):
        for _ in range(200):
            print("x" * 50_000)
            print("y" * 50_000, file=sys.stderr)
        os.write(1, b"z" * 1_000_000)
        return 1.0

    def _asks_child(self):
        if subprocess.run([sys.executable, "-c", "import sys; sys.exit(3)"]).returncode != 3:
            raise RuntimeError("nobody told how the child ended")
        return 1.0

    def _child(self):
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        Path(self.folder, f"{child.pid}.pid").touch()

    def _orphans(self):
        self._child()
        forked = os.fork()
        if forked == 0:
            time.sleep(600)
            os._exit(0)
        Path(self.folder, f"{forked}.pid").touch()
        return 1.0

    def _hog(self):
        hoard = []
        while True:
            hoard.append(bytearray(10_000_000))

    def _torch_hog(self):
        import torch

        return float(torch.ones(100, 100_000_000).sum())

    def _busy(self):
        while True:
            pass

    def _sleeps(self):
        time.sleep(600)

    def _stubborn(self):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        ctypes.CDLL(None).sleep(600)

    def _sleeps_with_child(self):
        self._child()
        time.sleep(600)

    def _dies(self):
        os._exit(3)

    def _segfault(self):
        ctypes.string_at(0)

    def _aborts(self):
        os.abort()


class Score(nas.ReportedObjective):
    metric = "score"


@nas.hookimpl
def nas_search_spaces():
    return [nas.Component("faults", Faults, "each fault")]


@nas.hookimpl
def nas_evaluators():
    return [nas.Component("faulty", Faulty, "does it")]


@nas.hookimpl
def nas_objectives():
    return [nas.Component("score", Score, "a number")]


class InOrder(nas.Strategy):
    def start(self, problem):
        self._left = problem.space.architectures()

    def ask(self, rng):
        self._last = next(self._left, None) or self._last
        return nas.Proposal(self._last)

    def tell(self, trial):
        pass


@nas.hookimpl
def nas_strategies():
    return [nas.Component("in_order", InOrder, "in order")]

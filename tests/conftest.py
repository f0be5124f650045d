"""Options of the fault tests; they must be known before any folder is collected."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from drivers import end_all
from hypothesis import settings

# Two processes share the machine, and start others: before anything counts its cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("faults")
    group.addoption(
        "--faults",
        choices=("quick", "all"),
        default="quick",
        help="quick: those that a normal run has time for; all: everything, over and over",
    )
    group.addoption(
        "--soak-minutes", type=float, default=3.0, help="how long the soak takes, with --faults=all"
    )
    group.addoption(
        "--fault-seed", type=int, default=None, help="repeat the random points of an earlier run"
    )


@pytest.fixture(autouse=True)
def _no_search_outlives_its_test() -> Iterator[None]:
    yield
    end_all()


def pytest_configure(config: pytest.Config) -> None:
    # A script starts what it puts in the background with this ignored, and searches inherit it.
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    settings.register_profile("quick", max_examples=40)
    settings.load_profile("quick" if config.option.faults == "quick" else "default")
    config.addinivalue_line("markers", "slow_fault: runs with --faults=all only")
    if config.option.fault_seed is None:
        config.option.fault_seed = random.SystemRandom().randrange(2**31)


def pytest_report_header(config: pytest.Config) -> str:
    return f"faults: {config.option.faults}, --fault-seed={config.option.fault_seed}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    # Long files come first, so that no process is left with one when the others have finished.
    items.sort(key=lambda item: item.path.parent == Path(__file__).parent)
    if config.option.faults == "all":
        return
    later = pytest.mark.skip(reason="--faults=all runs it")
    for item in items:
        if item.get_closest_marker("slow_fault"):
            item.add_marker(later)

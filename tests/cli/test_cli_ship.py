"""``--ship``: distributions that are sent to the workers, named on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

TOY = Path(__file__).parents[1] / "files" / "toy.py"
CONFIG = """
study = "toy"
objectives = ["total"]
space = "toy"
evaluator = "tally"
strategy = "listed"
stop = { trials = 2 }
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "toy.toml"
    path.write_text(CONFIG)
    return path


class TestShip:
    """What cannot be sent is told before Ray is started."""

    def test_a_search(self, nas, config: Path) -> None:
        done = nas("search", config, "--plugin", TOY, "--ship", "plugnass")
        assert done.code == 2
        assert "run.ship: no distribution 'plugnass' is installed here" in done.err
        done = nas("resume", "nas.db", "--plugin", TOY, "--ship", "numpy")
        assert done.code == 2
        assert "run.ship: numpy" in done.err
        assert "has compiled parts (numpy" in done.err

    def test_scores(self, nas) -> None:
        words = ("score", "toy", "--n", 2, "--proxy", "lean", "--plugin", TOY)
        done = nas(*words, "--ship", "numpy")
        assert done.code == 2
        assert "has compiled parts (numpy" in done.err

"""Training on a prior: the same model from the same seed, after any interruption, and the CLI."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nas
from nas.abstract.learning_curve import CurveTraining, TrainableCurvePredictor
from nas.cli.main import main

UPDATES = 34
"""Two chunks."""


def training(updates: int = UPDATES, seed: int = 0) -> CurveTraining:
    return CurveTraining(updates, 4, "tiny", seed)


def train(
    interim: Path | None = None,
    told: Callable[[int, float], None] = lambda done, likelihood: None,
    **changed: int,
) -> TrainableCurvePredictor:
    predictor: Any = nas.curve_predictor("lc_pfn")
    predictor.train(nas.curve_prior("domhan3"), training(**changed), told, interim)
    return predictor


def expectations(predictor: nas.CurvePredictor) -> np.ndarray:
    values = nas.curve_prior("domhan3").sample(3, 20, np.random.default_rng(0)).values
    return predictor.predict(values[:, :8], 20).quantiles((0.1, 0.5, 0.9))


@pytest.fixture(scope="module")
def trained() -> TrainableCurvePredictor:
    return train()


def test_the_same_seed_gives_the_same_network(trained: TrainableCurvePredictor) -> None:
    import torch

    state, random = torch.get_rng_state(), np.random.get_state()[1].tolist()
    again, other = train(), train(seed=1)
    assert (expectations(again) == expectations(trained)).all()
    assert (expectations(other) != expectations(trained)).any()
    assert (torch.get_rng_state() == state).all()
    assert np.random.get_state()[1].tolist() == random


def test_what_was_interrupted_goes_on(trained: TrainableCurvePredictor, tmp_path: Path) -> None:
    interim, seen = tmp_path / "x.part", []

    def interrupt(done: int, likelihood: float) -> None:
        seen.append(done)
        if len(seen) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(interim, interrupt)
    assert interim.exists()
    resumed = train(interim, lambda done, likelihood: seen.append(done))
    assert seen == [32, 34, 34]
    assert not interim.exists()
    assert (expectations(resumed) == expectations(trained)).all()


def test_another_trainings_file_is_refused(tmp_path: Path) -> None:
    interim = tmp_path / "x.part"
    with pytest.raises(KeyboardInterrupt):
        train(interim, _stop_after_two())
    with pytest.raises(ValueError, match=r"is of another training: .*seed=0"):
        train(interim, seed=1)
    interim.write_bytes(b"nothing of the kind")
    with pytest.raises(ValueError, match=r"x\.part is no file of a training"):
        train(interim)


def _stop_after_two() -> Callable[[int, float], None]:
    calls = iter([None])

    def stop(done: int, likelihood: float) -> None:
        if next(calls, "end") == "end":
            raise KeyboardInterrupt

    return stop


def test_saved_and_loaded(trained: TrainableCurvePredictor, tmp_path: Path) -> None:
    path = tmp_path / "saved.safetensors"
    trained.save(path, {"command": "by hand"})
    loaded: Any = nas.curve_predictor("lc_pfn", checkpoint=str(path))
    assert loaded.facts["command"] == "by hand"
    assert (expectations(loaded) == expectations(trained)).all()


def test_what_is_no_checkpoint(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    values = np.array([0.1, 0.2])
    missing = nas.curve_predictor("lc_pfn", checkpoint=str(tmp_path / "none"))
    with pytest.raises(ValueError, match="cannot read the checkpoint"):
        missing.predict(values, 5)
    save_file({"x": torch.zeros(1)}, tmp_path / "other")
    other = nas.curve_predictor("lc_pfn", checkpoint=str(tmp_path / "other"))
    with pytest.raises(ValueError, match=r"no checkpoint of lc_pfn: .* nas train-prior writes one"):
        other.predict(values, 5)


def test_learning_pays() -> None:
    """Against the first updates of the same training, on curves that are all new."""
    seen: list[float] = []
    predictor: Any = nas.curve_predictor("lc_pfn")
    settings = CurveTraining(160, 16, "tiny", 0)
    predictor.train(nas.curve_prior("domhan3"), settings, lambda _, found: seen.append(found))
    values = nas.curve_prior("domhan3").sample(100, 60, np.random.default_rng(1)).values
    likelihood = predictor.predict(values[:, :20], 60).log_density(values[:, 20:]).mean()
    assert likelihood > 1.8
    assert len(seen) == 5


def test_the_shipped_network_says_how_it_was_made() -> None:
    shipped: Any = nas.curve_predictor("lc_pfn")
    assert shipped.facts["command"].startswith("nas train-prior --prior drifting")
    figures = json.loads(shipped.facts["figures"])
    assert set(figures) == {"lc_pfn", "curve_bank"}
    values = nas.curve_prior("domhan3").sample(150, 100, np.random.default_rng(7)).values
    for known, said in zip((10, 20, 40, 80), figures["lc_pfn"], strict=True):
        found = shipped.predict(values[:, :known], 100).log_density(values[:, known:]).mean()
        assert found == pytest.approx(said, abs=0.35)


@pytest.fixture
def cli(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., tuple[int, str, str]]:
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["nas", "train-prior", *words])
        code = main()
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


QUICK = ("--steps", "3", "--curves", "4", "--size", "tiny", "--test", "20")


def test_command(cli: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    code, out, err = cli(*QUICK, "--set", "stall=0.2", "--output", "mine.safetensors")
    assert code == 0, err
    assert "Wrote mine.safetensors" in out
    assert "held-out curves of drifting" in out
    assert "3/3 updates, log-likelihood" in err
    assert [p.name for p in tmp_path.iterdir()] == ["mine.safetensors"]
    made: Any = nas.curve_predictor("lc_pfn", checkpoint="mine.safetensors")
    assert made.facts["command"] == (
        "nas train-prior --prior drifting --set stall=0.2 --predictor lc_pfn --steps 3 "
        "--curves 4 --size tiny --seed 0 --output mine.safetensors"
    )
    assert json.loads(made.facts["prior"]) == {"name": "drifting", "stall": 0.2}


def test_command_for_machines(cli: Callable[..., tuple[int, str, str]]) -> None:
    code, out, _ = cli(*QUICK, "--held-out", "domhan3", "--against", "last_value", "--json")
    said = json.loads(out)
    assert code == 0
    assert said["held_out"] == "domhan3"
    assert said["figures"]["lc_pfn"][3] > said["figures"]["last_value"][3]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--prior", "domhan"), "Did you mean 'domhan3'?"),
        (
            ("--size", "smal"),
            "--size smal: lc_pfn knows medium, small, tiny. Did you mean 'small'?",
        ),
        (("--predictor", "curve_bank"), "--predictor curve_bank is not trained"),
        (("--output", "nowhere/x"), "--output nowhere/x: there is no folder nowhere"),
        (("--set", "stall=7"), "stall must be a probability from 0 to 1, not 7"),
        (("--held-out", "nope"), "no curve_prior named 'nope'"),
        (("--against", "nope"), "no curve_predictor named 'nope'"),
    ],
)
def test_words_that_make_no_sense(
    cli: Callable[..., tuple[int, str, str]], words: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    """All of them before anything is trained."""
    code, out, err = cli(*words)
    assert (code, out) == (2, "")
    assert said in err
    assert list(tmp_path.iterdir()) == []

"""``nas plot curves``: what is drawn, what is refused, and how curves would go on."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from races import race, run

import nas as api
from nas import CurvePoint, Status
from nas.archive.record import ComponentRecord, Record
from nas.archive.writer import Writer
from nas.goals import losses
from nas.pictures.curves import Curves, Wanted, gather
from nas.pictures.curves_figure import STYLES
from nas.pictures.forecast import LEVELS, MOST, Predictor, scale_of
from nas.study import Study
from nas.trial import Ruling, Trial

Nas = Callable[..., Any]
SMALL = ("--set", "size=1000", "--set", "particles=64")
"""A bank of curves that takes no time."""
PNG = b"\x89PNG"
FULL = 12
NAME = r"re$\frac$"
KINDS = ["front", "history", "curves", "parallel", "importance", "rank", "timeline", "architecture"]

pytest.importorskip("plotly")


def record(number: int, status: Status, steps: int, every: int = 1, *rulings: Ruling) -> Record:
    """Return a trial whose error falls from 1 towards a tenth of its number."""
    reported = range(every, steps + 1, every)
    goal = 0.1 * number
    curve = tuple(
        CurvePoint(s, {"error": goal + (1 - goal) / (1 + s), "loss": 3.0 / s}) for s in reported
    )
    metrics = dict(curve[-1].metrics)
    trial = Trial(
        number,
        api.Architecture({"end": number, "pace": 1}),
        status,
        losses((api.Goal("error"),), metrics) if status is Status.COMPLETE else (),
        metrics=metrics,
        budget=steps,
        failure=api.Failure("error", "fell") if status is Status.FAILED else None,
    )
    return Record(trial, f"c{number}", "", curve=curve, rulings=rulings, started=1.0)


GO, AUDIT = Ruling(3, "continue", "good"), Ruling(3, "audit", "bad")
STOP, PAUSE = Ruling(3, "stop", "bad"), Ruling(3, "pause", "later")


@pytest.fixture(scope="module")
def curves(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trials of every status; one was audited. The study's name is no formula."""
    path = tmp_path_factory.mktemp("curves") / "a.db"
    records = [
        record(0, Status.COMPLETE, FULL, 1, GO),
        record(1, Status.STOPPED, 3, 1, STOP),
        record(2, Status.PAUSED, 3, 1, PAUSE),
        record(3, Status.FAILED, 5, 1, GO),
        record(4, Status.COMPLETE, FULL, 1, AUDIT),
        record(5, Status.STOPPED, 4, 2, STOP),
        record(6, Status.STOPPED, 3, 1, STOP),
        record(7, Status.STOPPED, 3, 1, STOP),
    ]
    return write(path, NAME, records)


def write(path: Path, name: str, records: Sequence[Record]) -> Path:
    """Write a study into a new archive."""
    space = ComponentRecord("space", "racers:lanes", {}, "(file)", "1")
    with Writer.open(path) as writer:
        study = writer.study(Study(name, "", (api.Goal("error"),), {}, 0, 4), [space])
        writer.record(study, records)
    return path


def picture(path: Path, predictor: Predictor | None = None, **wanted: Any) -> Curves:
    with api.Archive(path) as archive:
        return gather(archive, archive.study(), Wanted(**wanted), predictor)


def bank() -> Predictor:
    return Predictor.build("curve_bank", {"size": 1000, "particles": 64})


class TestPicture:
    def test_lines_are_the_curves(self, curves: Path) -> None:
        found = picture(curves)
        assert (found.metric, found.direction, found.step_unit) == ("error", "minimize", "epoch")
        assert (found.full, found.trials) == (FULL, 8)
        with api.Archive(curves) as archive:
            for line in found.lines:
                curve = archive.curve(line.id)
                assert line.steps == tuple(point.step for point in curve)
                assert line.values == tuple(point.metrics["error"] for point in curve)
                assert line.status is archive.trial(line.id).status
        assert [line.on_front for line in found.lines] == [True] + [False] * 7
        assert [line.spared for line in found.lines] == [None] * 4 + [3] + [None] * 3
        assert found.counts == {"complete": 2, "stopped": 4, "paused": 1, "failed": 1}

    def test_levels_say_how_many_went_no_further(self, curves: Path) -> None:
        (level,) = picture(curves).levels
        assert (level.step, level.decided, level.ended) == (3, 8, 5)

    def test_a_paused_trial_that_went_on_is_not_counted(self, tmp_path: Path) -> None:
        run(race(scheduler="shelve", stop={"trials": 8}), tmp_path / "a.db")
        found = picture(tmp_path / "a.db")
        with api.Archive(tmp_path / "a.db") as archive:
            paused = [t.budget for t in archive.trials(status="paused")]
        assert paused
        assert {level.step: level.ended for level in found.levels} == {
            level: paused.count(level) for level in (1, 3)
        }

    def test_some_of_them(self, curves: Path) -> None:
        assert [line.id for line in picture(curves, last=2).lines] == [7, 8]
        assert [line.id for line in picture(curves, trials=(8, 2)).lines] == [2, 8]
        assert picture(curves, metric="loss").direction is None

    def test_statuses_differ_in_line_and_mark_not_in_colour_alone(self) -> None:
        for look in ("dashes", "mark"):
            assert len({str(getattr(style, look)) for style in STYLES.values()}) == len(STYLES)


class TestForecasts:
    def test_the_most_promising_are_predicted_to_the_full_budget(self, curves: Path) -> None:
        found = picture(curves, bank())
        assert len(found.forecasts) == MOST
        finals = [forecast.final for forecast in found.forecasts]
        assert finals == sorted(finals)
        able = {2, 3, 6, 7, 8}
        for forecast in found.forecasts:
            assert forecast.id in able
            (line,) = [line for line in found.lines if line.id == forecast.id]
            assert forecast.status is line.status
            every = line.steps[0]
            assert list(forecast.steps) == list(range(line.steps[-1], FULL + 1, every))
            assert forecast.quantiles.shape == (len(forecast.steps), len(LEVELS))
            assert (np.diff(forecast.quantiles, axis=1) >= 0).all()
            assert (forecast.quantiles >= 0).all()
            assert (forecast.quantiles <= 1).all()
            assert (forecast.quantiles[0] == line.values[-1]).all()

    def test_they_are_what_the_predictor_says(self, curves: Path) -> None:
        (forecast,) = picture(curves, bank(), trials=(2,)).forecasts
        (line,) = picture(curves, trials=(2,)).lines
        scale = scale_of([line.values], "minimize")
        posterior = bank().built.predict(scale.normalise(line.values), FULL)
        upper = scale.restore(posterior.quantiles([0.05])[0, :, 0])
        assert forecast.quantiles[1:, -1] == pytest.approx(upper)

    def test_who_is_complete_or_failed_is_not_predicted(self, curves: Path) -> None:
        assert picture(curves, bank(), trials=(1, 4, 5)).forecasts == []

    def test_reports_at_uneven_steps_are_left_out(self, tmp_path: Path) -> None:
        uneven = record(1, Status.STOPPED, 3)
        uneven = replace(uneven, curve=(uneven.curve[0], uneven.curve[2]))
        path = write(tmp_path / "a.db", "s", [record(0, Status.COMPLETE, FULL), uneven])
        assert picture(path, bank()).forecasts == []


class TestCommand:
    def test_a_png(self, nas: Nas, curves: Path) -> None:
        done = nas("plot", "curves", curves)
        assert (done.code, done.err) == (0, "")
        assert done.out == (
            "curves.png: 8 learning curves of error in re$\\frac$ "
            "(2 complete, 4 stopped, 1 paused, 1 failed)\n"
        )
        assert Path("curves.png").read_bytes().startswith(PNG)

    def test_what_a_picture_says(self, nas: Nas, curves: Path) -> None:
        words = ("--predict", "curve_bank", *SMALL)
        done = nas("plot", "curves", curves, "-o", "a.svg", *words)
        assert done.out.endswith("; 3 predicted by curve_bank\n")
        text = " ".join(ElementTree.parse("a.svg").getroot().itertext())
        said = " ".join(text.split())
        for part in (
            r"re$\frac$: learning curves of 8 trials",
            "epochs of training",
            "error, lower is better",
            *("complete (2)", "stopped (4)", "paused (1)", "failed (1)", "on the front (1)"),
            "was to stop here, audited (1)",
            "5 of 8",
            "curve_bank on the 3 most promising: 50 and 90 %, median",
        ):
            assert part in said
        assert len(re.findall(r"trial \d", said)) == 3

    @pytest.mark.parametrize("more", [["--log"], ["--last", "1"], ["--metric", "loss", "--log"]])
    def test_options(self, nas: Nas, curves: Path, more: list[str]) -> None:
        assert nas("plot", "curves", curves, "-o", "a.pdf", *more).code == 0
        assert Path("a.pdf").read_bytes().startswith(b"%PDF")

    def test_a_metric_that_is_no_objective_needs_a_direction(self, nas: Nas, curves: Path) -> None:
        words = ("plot", "curves", curves, "--metric", "loss", "--predict", "curve_bank", *SMALL)
        done = nas(*words)
        assert done.code == 2
        assert "--direction minimize or --direction maximize" in done.err
        assert nas(*words, "--direction", "minimize").code == 0
        assert "not 'down'" in nas(*words, "--direction", "down").err

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (["-o", "a.gif"], "the name must end in one of .html, .pdf, .png, .svg"),
            (["-o", "no/such/a.png"], "there is no folder"),
            (["--metric", "eror"], "Did you mean 'error'? It has those of error, loss"),
            (["--trial", "99"], "no learning curve of trial 99; it has curves of 8 trials, 1 to 8"),
            (["--predict", "curve_bonk"], "Did you mean 'curve_bank'?"),
            (["--set", "size=10"], "there is none"),
        ],
    )
    def test_what_is_refused(self, nas: Nas, curves: Path, words: list[str], said: str) -> None:
        done = nas("plot", "curves", curves, *words)
        assert (done.code, done.out) == (2, "")
        assert said in done.err
        assert not list(Path().glob("*.png"))

    def test_without_curves(self, nas: Nas, tmp_path: Path) -> None:
        write(tmp_path / "nas.db", "s", [replace(record(0, Status.COMPLETE, FULL), curve=())])
        done = nas("plot", "curves")
        assert done.code == 2
        assert "study 's' has no learning curves: nothing was reported yet" in done.err

    def test_logarithms_need_positive_values(self, nas: Nas, tmp_path: Path) -> None:
        still = record(0, Status.COMPLETE, FULL)
        curve = tuple(CurvePoint(step, {"error": 0.0}) for step in (1, 2))
        write(tmp_path / "nas.db", "s", [replace(still, curve=curve)])
        assert nas("plot", "curves").code == 0
        done = nas("plot", "curves", "--log")
        assert done.code == 2
        assert "no value of 'error' is positive" in done.err

    @pytest.mark.parametrize("hidden", ["plotly", "kaleido.scopes.plotly"])
    def test_without_the_extra(
        self, nas: Nas, curves: Path, monkeypatch: pytest.MonkeyPatch, hidden: str
    ) -> None:
        monkeypatch.setitem(sys.modules, hidden, None)
        done = nas("plot", "curves", curves)
        assert done.code == 2
        assert "pip install 'plugnas[plot]'" in done.err

    def test_the_group_lists_its_pictures(self, nas: Nas) -> None:
        done = nas("plot", "--help")
        listed = dict(re.findall(r"^  ([a-z]+) {2,}(\S.*)$", done.out, re.MULTILINE))
        assert list(listed) == KINDS
        assert listed["curves"] == "Draw the learning curves of a study."

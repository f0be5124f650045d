"""What each figure shows is what the archive has."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from drawn import GOALS, RECORDS, failed, metrics, record
from races import race, run

from nas import Archive, Goal, Ruling, Status
from nas.architecture import Architecture
from nas.errors import ArchiveError, ConfigError
from nas.incident import Incident
from nas.pictures.architecture import architecture_figure
from nas.pictures.curves import Wanted, gather
from nas.pictures.curves_figure import curves_figure
from nas.pictures.figure import Figure
from nas.pictures.front import front_figure
from nas.pictures.history import history_figure
from nas.pictures.importance import FOLDS, importance_figure, importance_of
from nas.pictures.parallel import parallel_figure
from nas.pictures.rank import rank_figure
from nas.pictures.timeline import timeline_figure
from nas.pictures.trials import Subject, far_out
from nas.plugins import Plugins

Written = Callable[..., Path]
MAKERS: dict[str, Callable[[Archive], Figure]] = {
    "front": lambda a: front_figure(a, a.study("cells")),
    "history": lambda a: history_figure(a, a.study("cells")),
    "curves": lambda a: curves_figure(gather(a, a.study("cells"), Wanted())),
    "parallel": lambda a: parallel_figure(a, a.study("cells")),
    "importance": lambda a: importance_figure(a, a.study("cells"), objectives="error"),
    "rank": lambda a: rank_figure(a, a.study("cells"), Plugins()),
    "timeline": lambda a: timeline_figure(a, a.study("cells")),
    "architecture": lambda a: architecture_figure(a, 21, plugins=Plugins()),
}


def named(figure: Figure, start: str) -> dict[str, Any]:
    """Return the one trace whose name starts so."""
    (trace,) = [t for t in figure.traces if str(t.get("name", "")).startswith(start)]
    return dict(trace)


def said(figure: Figure) -> str:
    return json.dumps(figure.layout)


@pytest.mark.parametrize("kind", list(MAKERS))
def test_plotly_takes_it_and_its_title_says_what_it_is(archive: Archive, kind: str) -> None:
    figure = MAKERS[kind](archive)
    go.Figure(figure.document())  # raises on any key or value that plotly does not know
    json.dumps(figure.document(), allow_nan=False)
    title = figure.layout["title"]["text"]
    assert title.startswith("cells: ")
    assert kind == "architecture" or any(c.isdigit() for c in title)
    without = figure.without_title()
    assert "title" not in without.layout
    assert without.height < figure.height


class TestFront:
    def test_every_complete_trial_is_drawn_once(self, archive: Archive) -> None:
        figure = front_figure(archive, archive.study("cells"))
        front = archive.front("cells")
        own = named(figure, "on the front")
        assert own["customdata"] == [trial.id for trial in front]
        assert own["x"] == [trial.metrics["error"] for trial in front]
        assert own["y"] == [trial.metrics["params"] for trial in front]
        complete = archive.trials("cells", status="complete")
        beyond = [trial.id for trial in complete if trial.violation > 0]
        assert named(figure, "infeasible")["customdata"] == beyond
        drawn = [*own["customdata"], *beyond, *named(figure, "dominated")["customdata"]]
        assert sorted(drawn) == [trial.id for trial in complete]
        assert "3 failed" in said(figure)
        assert "params at most 100000 parameters" in said(figure)

    def test_told_apart_by_shape(self, archive: Archive) -> None:
        traces = front_figure(archive, archive.study("cells")).traces
        assert len({trace["marker"]["symbol"] for trace in traces}) == len(traces) >= 3

    def test_axes_say_unit_and_direction(self, archive: Archive) -> None:
        layout = front_figure(archive, archive.study("cells")).layout
        assert layout["xaxis"]["title"]["text"] == "error, lower is better"
        assert layout["yaxis"]["title"]["text"] == "params (parameters), lower is better"

    def test_other_objectives_two_by_two(self, archive: Archive) -> None:
        figure = front_figure(archive, archive.study("cells"), objectives="error,params,loss:max")
        goals = archive.compared("cells", objectives=["error", "params", "loss:max"]).goals
        best = {t.id for t in archive.front("cells", objectives=goals)}
        panels = [t for t in figure.traces if t["name"].startswith("on the front")]
        assert len(panels) == 3
        assert all(set(panel["customdata"]) == best for panel in panels)
        assert sum(panel["showlegend"] for panel in panels) == 1
        assert figure.layout["yaxis3"]["title"]["text"] == "loss, higher is better"

    def test_the_knee_is_the_archives(self, archive: Archive) -> None:
        knees = archive.compared("cells").knees
        figure = front_figure(archive, archive.study("cells"))
        assert knees
        assert sorted(named(figure, "knee")["customdata"]) == sorted(knees)

    def test_the_hypervolume_is_the_archives(self, archive: Archive) -> None:
        at = {"error": 0.6, "params": 80_000.0}
        known = archive.hypervolume("cells", reference=at)
        figure = front_figure(archive, archive.study("cells"), volume=True, reference=at)
        mark = named(figure, "reference")
        assert (mark["x"], mark["y"]) == ([0.6], [80_000.0])
        assert figure.layout["yaxis"]["range"][1] > 80_000
        assert f"{known.share:.1%}".replace("%", " %") in figure.captions[-1]
        with pytest.raises(ArchiveError, match="no 'params'"):
            front_figure(archive, archive.study("cells"), volume=True, reference={"error": 1.0})

    def test_what_is_far_out_does_not_squeeze_the_rest(self, written: Written) -> None:
        worse = [record(n, {**metrics(n), "error": 50.0}) for n in (24, 25)]
        path = written([*RECORDS[:24], *worse])
        with Archive(path) as archive:
            figure = front_figure(archive, archive.study())
            assert figure.layout["xaxis"]["range"][1] < 1
            assert "2 trials with far worse values lie beyond the axes." in figure.captions
            logs = front_figure(archive, archive.study(), log=True)
            assert logs.layout["xaxis"]["type"] == "log"
            assert "beyond" not in said(logs)

    @pytest.mark.parametrize(
        ("objectives", "told"),
        [("error", "nas plot history"), ("error,lss:min", "Did you mean 'loss'?")],
    )
    def test_what_cannot_be_drawn(self, archive: Archive, objectives: str, told: str) -> None:
        with pytest.raises((ArchiveError, ConfigError), match=told.replace("?", r"\?")):
            front_figure(archive, archive.study("cells"), objectives=objectives)

    def test_nothing_complete(self, written: Written) -> None:
        with Archive(written([failed(0, "error", "no")])) as archive:
            for make in (front_figure, parallel_figure, history_figure):
                with pytest.raises(ArchiveError, match="complete trial"):
                    make(archive, archive.study())


def test_far_out_is_few_and_far() -> None:
    usual = np.linspace(0.0, 1.0, 30).tolist()
    assert far_out(usual) is None
    assert far_out([*usual, 9.0]) == 1.0
    assert far_out([*usual, *[9.0] * 20]) is None
    assert far_out([0.0, 9.0]) is None


class TestHistory:
    def test_the_hypervolume_is_the_archives(self, archive: Archive) -> None:
        study = archive.study("cells")
        both = archive.compared([study, archive.study("random")])
        reference = dict(zip(("error", "params"), both.reference(), strict=True))
        history = archive.hypervolume_history(study, reference=reference)
        figure = history_figure(archive, study)
        by_trial, by_time = [t for t in figure.traces if t["legendgroup"] == "own"]
        assert by_trial["y"] == by_time["y"] == history.values.tolist()
        assert by_time["x"] == pytest.approx((history.seconds / 60).tolist())

    def test_the_best_of_one_objective(self, archive: Archive) -> None:
        figure = history_figure(archive, archive.study("cells"), objectives="error")
        (own, _) = [t for t in figure.traces if t.get("legendgroup") == "own"]
        complete = archive.trials("cells", status="complete")
        errors = [t.metrics["error"] if t.feasible else math.inf for t in complete[:24]]
        assert own["y"][:24] == np.minimum.accumulate(errors).tolist()
        assert len(named(figure, "each trial")["x"]) == sum(t.feasible for t in complete)

    def test_random_search_is_beside_it_and_not_beside_itself(self, archive: Archive) -> None:
        figure = history_figure(archive, archive.study("cells"))
        beside = [t for t in figure.traces if t["legendgroup"] == "random"]
        assert [t["name"] for t in beside] == ["random search (1 study)"] * 2
        assert beside[0]["line"]["dash"] == "dash"
        alone = history_figure(archive, archive.study("random"))
        assert {t["legendgroup"] for t in alone.traces} == {"own"}


class TestParallel:
    def test_places_are_values(self, archive: Archive) -> None:
        figure = parallel_figure(archive, archive.study("cells"))
        own = named(figure, "on the front")
        front = archive.front("cells")
        assert own["name"] == f"on the front ({len(front)})"
        axes = 6 + len(GOALS)
        assert len(own["x"]) == len(front) * (axes + 1)
        complete = archive.trials("cells", status="complete")
        errors = [t.metrics["error"] for t in complete]
        places = own["y"][axes - 2 :: axes + 1]
        in_order = [t.metrics["error"] for t in complete if t.id in {f.id for f in front}]
        share = [(e - min(errors)) / (max(errors) - min(errors)) for e in in_order]
        assert places == pytest.approx(share)

    def test_categories_and_inactive_decisions_have_places(self, written: Written) -> None:
        def with_(number: int, **decisions: Any) -> Any:
            one = record(number, metrics(number))
            return replace(one, trial=replace(one.trial, architecture=Architecture(decisions)))

        path = written([with_(0, op="a"), with_(1, op="b", width=3), with_(2, op="a", width=5)])
        with Archive(path) as archive:
            notes = [
                n["text"] for n in parallel_figure(archive, archive.study()).layout["annotations"]
            ]
        assert {"a", "b", "3", "5", "not active"} <= set(notes)


class TestImportance:
    @pytest.fixture
    def subject(self, written: Written) -> Any:
        """Only ``edge_1_2`` matters for the error."""

        def of(number: int) -> Any:
            one = record(number, metrics(number), cell=(7 * number) % 5**6)
            kinds = ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"]
            error = 0.1 * (1 + kinds.index(str(one.trial.architecture["edge_1_2"])))
            found = replace(one.trial, metrics={"error": error, "params": 1.0}, losses=(error, 1.0))
            return replace(one, trial=found)

        with Archive(written([of(7 * n) for n in range(60)])) as archive:
            yield Subject.read(archive, archive.study())

    def test_the_decision_that_matters_is_first(self, subject: Subject) -> None:
        found = importance_of(subject, Goal("error"))
        first, *rest = found.drops
        assert first == "edge_1_2"
        assert found.r2 > 0.8
        assert found.trials == 60
        assert all(len(drops) == FOLDS for drops in found.drops.values())
        assert found.drops[first].mean() > 10 * max(found.drops[one].mean() for one in rest)

    def test_again_the_same(self, subject: Subject) -> None:
        one, two = (importance_of(subject, Goal("error")) for _ in range(2))
        assert {k: v.tolist() for k, v in one.drops.items()} == {
            k: v.tolist() for k, v in two.drops.items()
        }

    def test_what_cannot_be_told(self, subject: Subject, written: Written) -> None:
        with pytest.raises(ArchiveError, match="the same 'params'"):
            importance_of(subject, Goal("params"))
        few = replace(subject, trials=subject.trials[:19])
        with pytest.raises(ArchiveError, match=r"19 complete trials.*from 20 on"):
            importance_of(few, Goal("error"))

    def test_the_picture_says_how_much_it_knows(self, archive: Archive) -> None:
        figure = importance_figure(archive, archive.study("cells"), objectives="error,params")
        assert "25 trials" in figure.layout["title"]["text"]
        assert sum("the forest explains R² = " in line for line in figure.captions) == 2


def test_rank_is_the_comparison(archive: Archive) -> None:
    from nas.engine.comparison import comparison

    compared = comparison(archive, archive.study("cells"), Plugins())
    figure = rank_figure(archive, archive.study("cells"), Plugins())
    rows = {row.name: row for row in compared.objectives["error"]}
    scores, counts = figure.traces
    assert scores["x"] == [rows["proxy:gradsign"].spearman]
    places = [name for name in rows if name in ("params", "flops")]
    assert counts["x"] == [rows[name].spearman for name in places]
    assert scores["marker"]["symbol"] != counts["marker"]["symbol"]
    with pytest.raises(ArchiveError, match="no scores"):
        rank_figure(archive, archive.study("random"), Plugins())


class TestTimeline:
    def test_bars_are_when_trials_ran(self, archive: Archive) -> None:
        figure = timeline_figure(archive, archive.study("cells"))
        bars = named(figure, "complete")
        assert bars["base"] == pytest.approx([(10.0 + 10 * n) / 60 for n in [*range(24), 27]])
        assert bars["x"] == pytest.approx([8 / 60] * 25)
        assert bars["y"] == [f"box pid {n % 2}" for n in [*range(24), 27]]
        patterns = [t["marker"]["pattern"]["shape"] for t in figure.traces]
        assert len(set(patterns)) == len(patterns) == 2

    def test_incidents_are_marked_at_their_worker(self, written: Written) -> None:
        lost = Incident(1_050.0, "node", "<b>gone</b>", 3, "box")
        with Archive(written(RECORDS, incidents=[lost])) as archive:
            mark = named(timeline_figure(archive, archive.study()), "incident")
        assert mark["x"] == [1.0]
        assert mark["y"] == ["box pid 1"]
        assert "&lt;b&gt;gone" in mark["hovertext"][0]

    def test_virtual_time(self, tmp_path: Path) -> None:
        simulated = {"executor": "simulated", "workers": 3}
        run(race(stop={"trials": 9}, run=simulated), tmp_path / "a.db")
        with Archive(tmp_path / "a.db") as archive:
            figure = timeline_figure(archive, archive.study())
            _, rows = archive.query("SELECT started FROM trials ORDER BY started, number")
            began = [started for (started,) in rows]
        bars = named(figure, "complete (9)")
        assert bars["base"] == pytest.approx([start / 60 for start in began])
        assert sorted(set(bars["y"])) == [f"virtual worker {i}" for i in range(3)]
        assert "simulated time" in figure.layout["xaxis"]["title"]["text"]

    def test_nothing_ran(self, written: Written) -> None:
        path = written([record(0, metrics(0), started=0.0)])
        with Archive(path) as archive, pytest.raises(ArchiveError, match="no trial that ran"):
            timeline_figure(archive, archive.study())


def test_curves_of_every_status_look_different(written: Written) -> None:
    def ended(number: int, status: Status, *rulings: Ruling) -> Any:
        one = record(number, metrics(number), rulings=rulings)
        lost = {"losses": ()} if status is not Status.COMPLETE else {}
        return replace(one, trial=replace(one.trial, status=status, **lost))

    stop = Ruling(3, "stop", "bad")
    path = written([ended(0, Status.COMPLETE), ended(1, Status.STOPPED, stop)])
    with Archive(path) as archive:
        figure = curves_figure(gather(archive, archive.study(), Wanted()))
    lines = [t for t in figure.traces if t.get("mode") == "lines" and "dash" in t["line"]]
    curve = [t for t in lines if t["x"] == [1, 2, 3, None]]
    assert len({t["line"]["dash"] for t in curve}) == 2
    assert "1 of 1" in said(figure)

"""Which trials somebody means, the best of them by any objectives, their worth, and frames."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from manystudies import ERROR, GRID, LINE, PARAMS, add_study, values

import nas
from nas import ArchiveError, Goal
from nas.archive import filters, query
from nas.archive.filters import Filter
from nas.archive.frames import columns_of_trials
from nas.archive.record import Record
from nas.archive.writer import Writer
from nas.pareto import dominates, hypervolume
from nas.study import Study

NAN, INF = math.nan, math.inf


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Two studies in one space, and one in another."""
    path = tmp_path / "a.db"
    extra = ("error", "params", "acc", "a name")
    rows = values((0.3, 10, 0.7, 1), (0.2, 20, 0.9, 2), (0.4, 30, 0.5, 3), names=extra)
    add_study(path, "one", [*rows, None])
    add_study(path, "two", values((0.25, 5), (0.1, 90), (NAN, 1)))
    add_study(path, "else", values((0.1, 1)), space=LINE)
    return path


def numbers(trials: list[nas.Trial]) -> list[int]:
    return [trial.number for trial in trials]


class TestTrials:
    @pytest.mark.parametrize(
        ("where", "expected"),
        [
            ("error < 0.35", [0, 1]),
            ("error < 0.35 and params > 10", [1]),
            ("status = 'failed'", [3]),
            ("failure_message LIKE '%broke' -- a comment", [3]),
            ('/* why ( not */ "a name" > 1', [1, 2]),
            ("[a name] > 1 OR `a name` = 1", [0, 1, 2]),
            ("architecture IN ('<0>', '(')", [0]),
            ("error = (SELECT min(error) FROM trials_wide WHERE study = 'one')", [1]),
            ("on_front", [0, 1]),
            ("1", [0, 1, 2, 3]),
            ("NULL", []),
        ],
    )
    def test_where(self, path: Path, where: str, expected: list[int]) -> None:
        with nas.Archive(path) as archive:
            assert numbers(archive.trials("one", where=where)) == expected

    @pytest.mark.parametrize(
        ("order", "expected"),
        [
            ("error", [1, 0, 2, 3]),
            ("error desc", [2, 0, 1, 3]),
            ("error NULLS FIRST", [3, 1, 0, 2]),
            ("params > 15, error -- a, comment", [0, 1, 2, 3]),
            ("max(error, params) DESC /* , */", [2, 1, 0, 3]),
            ("status DESC, number desc", [3, 2, 1, 0]),
        ],
    )
    def test_order(self, path: Path, order: str, expected: list[int]) -> None:
        with nas.Archive(path) as archive:
            assert numbers(archive.trials("one", order_by=order)) == expected
            assert numbers(archive.trials("one", order_by=order, limit=2)) == expected[:2]

    def test_of_several_studies(self, path: Path) -> None:
        with nas.Archive(path) as archive:
            assert len(archive.trials(archive.studies())) == 8
            both = archive.trials(["two", "one", "two"], where="error <= 0.25", status="complete")
            assert numbers(both) == [1, 0, 1]
            assert set(archive.curves(["one", "two"])) == set(range(1, 8))
            with pytest.raises(ArchiveError, match=r"no study 'three'.*Studies: else, one, two"):
                archive.trials(["one", "three"])
            with pytest.raises(ArchiveError, match=r"no study is named.*archive\.studies\(\)"):
                archive.trials([])

    @pytest.mark.parametrize(
        ("where", "message"),
        [
            ("eror < 1", "no column 'eror'. Did you mean 'error'. Columns: id, study, number"),
            ('status = "failed"', "no column 'failed' .if it is a text, write 'failed'"),
            ("error <", "incomplete input"),
            ("error < < 1", "syntax error"),
            ("error < 1 LIMIT 1", "syntax error"),
            ("1) OR (1", "a '\\)' without its '\\('"),
            ("(error < 1", "a '\\(' is never closed"),
            ("1; DROP TABLE trials", "without ';'"),
            ("status = 'failed", "' is never closed"),
            ('"a name > 1', '" is never closed'),
            ("error /* < 1", r"/\* is never closed"),
            ("", "there is nothing in it"),
            ("-- error", "there is nothing in it"),
            ("error < ?", "a place holder"),
            ("error < :bound", "a place holder"),
            ("sum(error) < 1", "misuse of aggregate"),
            ("load_extension('x')", "does more"),
            ("error < 1 UNION SELECT 1", "syntax error|do not have the same number"),
            ("nonsense(error)", "no such function: nonsense"),
            ("error < '\0'", "null character"),
        ],
    )
    def test_what_is_no_expression(self, path: Path, where: str, message: str) -> None:
        before = path.read_bytes()
        with nas.Archive(path) as archive, pytest.raises(ArchiveError, match=message):
            archive.trials("one", where=where)
        assert path.read_bytes() == before

    def test_an_order_is_named_in_its_error(self, path: Path) -> None:
        with nas.Archive(path) as archive:
            with pytest.raises(ArchiveError, match="order by 'latncy': no column 'latncy'"):
                archive.trials("one", order_by="latncy")
            with pytest.raises(ArchiveError, match="syntax error"):
                archive.trials("one", order_by="error LIMIT 1")

    def test_what_runs_away_is_stopped(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
        where = f"({endless} SELECT count(*) FROM n) > 0"
        with nas.Archive(path) as archive, pytest.raises(ArchiveError, match=r"within 0\.2 s"):
            Filter(where, seconds=0.2).ids(path, archive.studies())

    def test_ctrl_c_ends_it(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupted(watch: object) -> bool:
            monkeypatch.undo()
            raise KeyboardInterrupt

        monkeypatch.setattr(query.Watch, "__call__", interrupted)
        endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
        with nas.Archive(path) as archive, pytest.raises(KeyboardInterrupt):
            list(archive.query(f"{endless} SELECT count(*) FROM n")[1])

    def test_ctrl_c_is_no_forbidden_question(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupted(*asked: object) -> int:
            raise KeyboardInterrupt

        monkeypatch.setattr(query, "_authorize", interrupted)
        with nas.Archive(path) as archive, pytest.raises(KeyboardInterrupt):
            archive.query("SELECT * FROM trials")

    def test_many_columns_are_not_all_listed(self, tmp_path: Path) -> None:
        wide = {f"m{i}": 1.0 for i in range(100)} | {"error": 1.0, "params": 1.0}
        add_study(tmp_path / "w.db", "s", [wide])
        with (
            nas.Archive(tmp_path / "w.db") as archive,
            pytest.raises(ArchiveError, match="and 88 more"),
        ):
            archive.trials(where="eror < 1")
        assert len(filters.columns_of(tmp_path / "w.db")) == 118


class TestFront:
    def test_by_other_objectives(self, path: Path) -> None:
        with nas.Archive(path) as archive:
            found = archive.front("one", objectives=["acc:max"])
            assert [(t.number, t.losses) for t in found] == [(1, (-0.9,))]
            both = archive.front("one", objectives=["params:max", "error"])
            assert numbers(both) == [2, 1]
            assert numbers(archive.front("one", objectives=[Goal("error", low=0.25)])) == [0]

    def test_of_those_that_are_meant(self, path: Path) -> None:
        with nas.Archive(path) as archive:
            assert numbers(archive.front("one")) == [1, 0]
            assert numbers(archive.front("one", where="error > 0.25")) == [0]
            assert archive.front("one", where="error > 9") == []

    def test_of_several_studies(self, path: Path) -> None:
        with nas.Archive(path) as archive:
            found = archive.front(["one", "two"])
            assert [trial.metrics["error"] for trial in found] == [0.1, 0.2, 0.25]
            points = archive.compared(["one", "two"])
            assert points.without == {"error": 1}
            assert points.same
            assert len(points.ids) == 5

    def test_spaces_do_not_mix(self, path: Path) -> None:
        message = r"'one' and 'else' are in different spaces, toys:grid and toys:line \{\"length"
        with nas.Archive(path) as archive, pytest.raises(ArchiveError, match=message):
            archive.front(["one", "two", "else"])

    def test_protocols_do_not_mix(self, tmp_path: Path) -> None:
        goals, names = [ERROR, Goal("latency", unit="ms")], ("error", "latency")
        for name, threads in (("a", 1), ("b", 2), ("c", 1)):
            rows = values((0.1, 3.0), (0.2, 2.0), names=names)
            add_study(tmp_path / "p.db", name, rows, goals=goals, protocol=threads)
        with nas.Archive(tmp_path / "p.db") as archive:
            assert len(archive.front(["a", "c"])) == 4
            assert len(archive.front(["a", "b"], objectives=["error"])) == 2
            message = "'latency' was measured in different ways in study 'a' and in 'b'"
            with pytest.raises(ArchiveError, match=message):
                archive.front(["a", "b"])

    def test_other_ways_to_evaluate_are_told(self, path: Path) -> None:
        add_study(path, "three", values((0.1, 1)), evaluation="other")
        with nas.Archive(path) as archive:
            assert not archive.compared(["one", "three"]).same

    def test_studies_with_other_objectives(self, path: Path) -> None:
        add_study(
            path, "acc", values((1, 2), names=("acc", "error")), goals=[Goal("acc", "maximize")]
        )
        with nas.Archive(path) as archive:
            message = r"'one' \(error:min, params:min\) and 'acc' \(acc:max\) have other objectives"
            with pytest.raises(ArchiveError, match=message):
                archive.front(["one", "acc"])
            # the direction of another study of the archive counts too
            assert numbers(archive.front("one", objectives=["acc"])) == [1]

    @pytest.mark.parametrize(
        ("objectives", "message"),
        [
            (["eror"], "no trial has a metric 'eror'. Did you mean 'error'"),
            (["acc"], "nobody knows which way it is better: write acc:min or acc:max"),
            (["error", "error:max"], "'error' is named twice"),
            (["error:mx"], "write error:min or error:max. Did you mean 'max'"),
            ([], "no objective is named; metrics: a name, acc, error, params"),
        ],
    )
    def test_objectives_that_nobody_knows(
        self, path: Path, objectives: list[str], message: str
    ) -> None:
        with nas.Archive(path) as archive, pytest.raises(ArchiveError, match=message):
            archive.front("one", objectives=objectives)

    def test_studies_that_do_not_agree_on_a_direction(self, path: Path) -> None:
        add_study(path, "up", values((1, 2)), goals=[Goal("error", "maximize"), PARAMS])
        with nas.Archive(path) as archive:
            with pytest.raises(ArchiveError, match="do not agree which way 'error' is better"):
                archive.front(["one", "up"], objectives=["error"])
            assert len(archive.front(["one", "up"], objectives=["error:min"])) == 1

    def test_a_metric_that_plugins_offer(self, path: Path) -> None:
        add_study(path, "flops", values((0.1, 5), names=("error", "flops")), goals=[ERROR])
        with nas.Archive(path) as archive:
            points = archive.compared("flops", objectives=["flops", "error"])
        assert points.goals[0] == Goal("flops", unit="operations")

    def test_bounds_are_those_of_the_study(self, tmp_path: Path) -> None:
        bounded = [ERROR, Goal("params", high=50)]
        add_study(tmp_path / "b.db", "s", values((0.1, 90), (0.2, 40)), goals=bounded)
        add_study(tmp_path / "b.db", "t", values((0.1, 70), (0.3, 30)), goals=[ERROR, PARAMS])
        with nas.Archive(tmp_path / "b.db") as archive:
            assert numbers(archive.front("s", objectives=["error"])) == [1]
            merged = archive.front(["s", "t"])
            assert [t.metrics["params"] for t in merged] == [70, 40, 30]
            assert archive.compared(["s", "t"]).goals == (ERROR, Goal("params"))
            assert archive.compared("s").goals == tuple(bounded)

    def test_a_budget_is_of_one_study_alone(self, path: Path) -> None:
        with nas.Archive(path) as archive:
            for more in ({"where": "1"}, {"objectives": ["error"]}):
                with pytest.raises(ArchiveError, match="leave out the budget"):
                    archive.front("one", budget=1, **more)
            with pytest.raises(ArchiveError, match="leave out the budget"):
                archive.front(["one", "two"], budget=1)

    def test_trials_by_id(self, path: Path) -> None:
        with nas.Archive(path) as archive:
            found = archive.trials_by_id([5, 2], goals=[Goal("params", "maximize")])
            assert [(t.id, t.losses) for t in found] == [(5, (-5.0,)), (2, (-20.0,))]
            with pytest.raises(ArchiveError, match="no trial 99"):
                archive.trials_by_id([1, 99])


COORDINATE = st.sampled_from([0.0, 1.0, 2.0, 2.0, 3.0, NAN, INF, -INF])
CLOUD = st.lists(st.tuples(COORDINATE, COORDINATE, COORDINATE), max_size=12)


@settings(max_examples=25, deadline=None)
@given(CLOUD)
def test_a_front_on_demand_is_the_stored_one_and_the_naive_one(
    tmp_path_factory: pytest.TempPathFactory, points: list[tuple[float, ...]]
) -> None:
    path = tmp_path_factory.mktemp("cloud") / "a.db"
    names = ("error", "params", "acc")
    goals = [ERROR, PARAMS, Goal("acc", "maximize")]
    add_study(path, "s", values(*points, names=names), goals=goals)
    losses = {n: (e, p, -a) for n, (e, p, a) in enumerate(points) if np.isfinite([e, p, a]).all()}
    naive = {
        n for n, mine in losses.items() if not any(dominates(o, mine) for o in losses.values())
    }
    with nas.Archive(path) as archive:
        assert set(numbers(archive.front())) == naive
        found = archive.front(objectives=["acc:max", "error", "params"])
        assert set(numbers(found)) == naive
        assert [t.losses for t in found] == sorted(t.losses for t in found)
        if naive:
            reference = {"error": 4.0, "params": 4.0, "acc": -1.0}
            volume = archive.hypervolume(reference=reference)
            expected = hypervolume([losses[n] for n in naive], (4.0, 4.0, 1.0))
            assert volume.value == pytest.approx(expected)
            assert 0 < volume.share <= 1
            history = archive.hypervolume_history(reference=reference)
            assert history.values[-1] == pytest.approx(expected)


class TestHypervolume:
    def test_raw_and_as_a_share(self, path: Path) -> None:
        with nas.Archive(path) as archive:
            volume = archive.hypervolume("one", reference={"error": 0.4, "params": 30})
        assert volume.value == pytest.approx(0.1 * 10 + 0.1 * 20)
        assert volume.share == pytest.approx(3 / (0.2 * 20))
        assert volume.ideal == {"error": 0.2, "params": 10}
        assert volume.reference == {"error": 0.4, "params": 30}

    def test_up_to_a_tenth_beyond_the_front(self, path: Path) -> None:
        with nas.Archive(path) as archive:
            volume = archive.hypervolume("one")
            assert volume.reference == {"error": pytest.approx(0.31), "params": 21}
            of_max = archive.hypervolume("one", objectives=["acc:max"])
            assert of_max.ideal == {"acc": 0.9}
            assert of_max.reference == {"acc": pytest.approx(0.8)}

    def test_nothing_within_the_reference(self, path: Path) -> None:
        with nas.Archive(path) as archive:
            none = archive.hypervolume("one", reference={"error": 0.1, "params": 1})
        assert (none.value, none.share) == (0.0, 0.0)

    @pytest.mark.parametrize(
        ("reference", "message"),
        [
            (
                {"error": 1.0},
                r"has no 'params': it needs a value of each objective \(error, params",
            ),
            ({"error": 1, "params": 1, "parms": 1}, "'parms', which is no objective.*'params'"),
        ],
    )
    def test_a_reference_is_of_the_objectives(
        self, path: Path, reference: dict[str, float], message: str
    ) -> None:
        with nas.Archive(path) as archive, pytest.raises(ArchiveError, match=message):
            archive.hypervolume("one", reference=reference)

    def test_an_empty_front_has_no_reference(self, path: Path) -> None:
        with nas.Archive(path) as archive:
            with pytest.raises(ArchiveError, match="the front is empty"):
                archive.hypervolume("one", where="0")
            empty = archive.hypervolume("one", where="0", reference={"error": 1, "params": 1})
            assert (empty.value, empty.ideal) == (0.0, {})

    def test_its_history(self, path: Path) -> None:
        with nas.Archive(path) as archive:
            history = archive.hypervolume_history("one", reference={"error": 0.5, "params": 40})
        assert history.numbers.tolist() == [0, 1, 2, 3]
        assert history.seconds.tolist() == [3.0, 6.0, 9.0, 12.0]  # choosing counts
        assert history.values.tolist() == pytest.approx([6.0, 8.0, 8.0, 8.0])

    def test_a_metric_that_the_study_lacks(self, path: Path) -> None:
        with nas.Archive(path) as archive, pytest.raises(ArchiveError, match="has 'acc'"):
            archive.progress("two", objectives=["acc:max"])


class TestFrames:
    def test_pandas(self, path: Path) -> None:
        pytest.importorskip("pandas")
        with nas.Archive(path) as archive:
            frame = archive.to_pandas("one", order_by="error desc")
            several = archive.to_pandas(archive.studies(), where="error < 9")
        assert frame["error"].tolist()[:3] == [0.4, 0.3, 0.2]
        assert math.isnan(frame["error"].iloc[3])
        assert frame["decision_op"].tolist() == ["skip", "skip", "conv", "conv"]
        assert frame["decision_depth"].dtype == "int64"
        assert frame["on_front"].tolist() == [False, True, True, False]
        assert frame["failure_kind"].tolist()[3] == "error"
        assert len(several) == 6
        assert several["acc"].isna().sum() == 3

    def test_arrow(self, path: Path) -> None:
        arrow = pytest.importorskip("pyarrow")
        with nas.Archive(path) as archive:
            table = archive.to_arrow("one")
            empty = archive.to_arrow("one", where="0")
        assert table["decision_depth"].to_pylist() == [0, 1, 2, 3]
        assert table["error"].to_pylist() == [0.3, 0.2, 0.4, None]
        assert table.schema.field("error").type == arrow.float64()
        assert table.schema.field("budget").type == arrow.float64()  # nothing is known of it
        assert empty.num_rows == 0
        assert "error" in empty.column_names

    def test_decisions_of_several_kinds(self, tmp_path: Path) -> None:
        pytest.importorskip("pyarrow")
        path = tmp_path / "m.db"
        mixed = nas.Architecture({"x": 1, "y": 1, "z": True})
        add_study(path, "s", values((0.1, 1)))
        with Writer.open(path) as writer:
            study = writer.study(Study("t", "", (ERROR,), {}, 0, 1), [GRID])
            for i, decisions in enumerate([mixed, nas.Architecture({"x": 0.5, "y": "a"})]):
                metrics = {"error": 0.5, "decision_x": 7.0}
                trial = nas.Trial(i, decisions, nas.Status.COMPLETE, (0.5,), metrics=metrics)
                writer.record(study, [Record(trial, f"d{i}", "")])
        columns = columns_of_trials(path, [2, 3])
        assert columns["decision_x"] == [7.0, 7.0]
        assert columns["decision_decision_x"] == [1.0, 0.5]
        assert columns["decision_y"] == ["1", '"a"']
        assert columns["decision_z"] == [True, None]
        with nas.Archive(path) as archive:
            assert archive.to_arrow("t")["decision_y"].to_pylist() == ["1", '"a"']

    @pytest.mark.parametrize(
        ("module", "extra", "call"),
        [("pandas", "pandas", "to_pandas"), ("pyarrow", "parquet", "to_arrow")],
    )
    def test_what_is_missing_is_named(
        self, path: Path, module: str, extra: str, call: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, module, None)
        message = rf"pip install 'plugnas\[{extra}\]'"
        with nas.Archive(path) as archive, pytest.raises(ArchiveError, match=message):
            getattr(archive, call)("one")

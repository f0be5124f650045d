"""Writing an archive: what goes in comes out, once, whole, or not at all."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import nas
from nas import Architecture, ArchiveError, Failure, Goal, Measurement, Status, Trial
from nas.archive.record import ComponentRecord, Record, Score
from nas.archive.writer import Writer
from nas.goals import losses
from nas.study import Study

GOALS = (Goal("error"), Goal("params", high=100.0))
SPACE = ComponentRecord("space", "toys:grid", {"size": 3, "input_shape": [1, 8, 8]}, "toys", "1.0")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.db"


@pytest.fixture
def writer(path: Path) -> Iterator[Writer]:
    with Writer.open(path) as writer:
        yield writer


def begin(writer: Writer, name: str = "s", goals: tuple[Goal, ...] = GOALS) -> Study:
    return writer.study(Study(name, "", goals, {"study": name}, 7, 2), [SPACE])


def record(number: int, *values: float, status: Status = Status.COMPLETE, **more: Any) -> Record:
    """Return a record with the objectives ``values`` (error, params, flops)."""
    metrics = dict(zip(("error", "params", "flops"), values or (0.5, 10.0), strict=False))
    goals = [Goal(name) for name in metrics]
    trial = Trial(
        number,
        Architecture({"op": "conv", "n": number}),
        status,
        losses(goals, metrics) if status is Status.COMPLETE else (),
        metrics=metrics,
    )
    in_trial = {key: more.pop(key) for key in ("parents", "failure", "violation") if key in more}
    return Record(replace(trial, **in_trial), f"id{number}", f"|conv~{number}|", **more)


def select(path: Path, sql: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def test_a_trial_is_told_as_it_is_read(writer: Writer, path: Path) -> None:
    study = begin(writer)
    given_trials = [
        Trial(
            0,
            Architecture({"deep": True, "width": 3, "rate": 0.1, "op": "é|'\""}),
            Status.COMPLETE,
            (0.25, 12.0),
            metrics={"error": 0.25, "params": 12.0, "latency": 1.5},
            seed=2**31 - 1,
            budget=12,
            seconds=1.25,
        ),
        Trial(1, Architecture({}), Status.FAILED, failure=Failure("crashed", "gone", "at x\0y")),
        Trial(2, Architecture({"a": 1}), Status.INFEASIBLE, violation=2.5, parents=(1, 0)),
        Trial(3, Architecture({"a": 2}), Status.CANCELLED, parents=(2,)),
    ]
    recorded = writer.record(study, [Record(t, f"c{t.number}", "") for t in given_trials])
    assert [replace(trial, id=0) for trial in recorded.trials] == given_trials
    assert (recorded.front_changed, recorded.front) == (True, (0,))
    with nas.Archive(path) as archive:
        assert archive.trials("s") == list(recorded.trials)
    assert list(writer.finished(study)) == list(recorded.trials[:3])


def test_measured_numbers_keep_spread_and_protocol(writer: Writer, path: Path) -> None:
    study = begin(writer)
    protocol = {"batch": 1, "threads": 2, "device": "cpu é", "warm": True, "rate": 0.5}
    measurement = Measurement(3.5, 0.25, protocol)
    same = Measurement(4.0, 0.5, dict(reversed(protocol.items())))
    recorded = writer.record(
        study,
        [
            record(0, measurements={"latency": measurement}),
            record(1, measurements={"latency": same}),
        ],
    )
    assert recorded.trials[0].metrics == {"error": 0.5, "params": 10.0, "latency": 3.5}
    with nas.Archive(path) as archive:
        first, second = (archive.measurements(t.id) for t in recorded.trials)
    assert first == {"latency": measurement}
    assert second == {"latency": same}
    assert select(path, "SELECT count(*) FROM protocols") == [(1,)]
    assert writer.protocols(study) == {"latency": protocol}


def test_a_study_is_created_once_and_gone_on_with(writer: Writer, path: Path) -> None:
    assert writer.existing("s") is None
    study = begin(writer)
    assert study.id == 1
    assert study.archive == str(path)
    writer.close_session(study, "interrupted", "ctrl-c")
    newer = replace(SPACE, version="2.0")
    again = writer.study(replace(study, id=0, seed=99), [newer])
    assert again == study == writer.existing("s")
    with nas.Archive(path) as archive:
        assert archive.components("s") == (SPACE, newer)
        assert (archive.state("s").status, archive.state("s").reason) == ("running", "")
    with pytest.raises(ArchiveError, match="'s' is in another space"):
        writer.study(study, [replace(SPACE, parameters={"size": 4})])
    with pytest.raises(ArchiveError, match="one component of role 'space', not 0"):
        writer.study(replace(study, name="t"), [])


def test_what_json_cannot_hold_is_refused(writer: Writer, path: Path) -> None:
    for config in ({"rate": math.nan}, {"f": object()}):
        with pytest.raises(ArchiveError, match="only plain JSON values"):
            writer.study(Study("s", "", GOALS, config, 0, 1), [SPACE])
    with pytest.raises(ArchiveError, match="cannot hold"):
        writer.study(Study("s", "", GOALS, {}, 2**70, 1), [SPACE])
    assert select(path, "SELECT count(*) FROM studies") == [(0,)]


def test_a_cancelled_trial_runs_again_under_its_number(writer: Writer, path: Path) -> None:
    study = begin(writer)
    scores = (Score("proxy:p", Architecture({"n": 1}), "x", 1.0),)
    writer.record(
        study,
        [record(0), record(1, status=Status.CANCELLED, scores=scores, parents=(0,), worker="old")],
    )
    assert [t.number for t in writer.finished(study)] == [0]
    assert [score.value for score in writer.scores(study)] == [1.0]
    second = writer.record(study, [record(2), record(1, 0.1, 5.0, worker="new")])
    assert [t.id for t in second.trials] == [3, 4]
    assert [t.number for t in writer.finished(study)] == [0, 1, 2]
    assert second.front == (1,)
    assert list(writer.scores(study)) == []
    assert select(path, "SELECT worker FROM trials WHERE number = 1") == [("new",)]
    assert select(path, "SELECT count(*) FROM parents") == [(0,)]


def test_no_other_trial_is_ever_overwritten(writer: Writer, path: Path) -> None:
    study = begin(writer)
    failed = record(1, status=Status.FAILED, failure=Failure("error", "x"))
    writer.record(study, [record(0, 0.5, 5.0), failed])
    before = select(path, "SELECT * FROM trials_wide")
    for number in (0, 1):
        with pytest.raises(ArchiveError, match=f"has trial {number} already"):
            writer.record(study, [record(2, 0.1, 1.0), record(number, 0.2, 1.0)])
    with pytest.raises(ArchiveError, match="twice"):
        writer.record(study, [record(3), record(3)])
    assert select(path, "SELECT * FROM trials_wide") == before
    assert writer.record(study, [record(2, 0.6, 1.0)]).front == (0, 2)


def test_a_batch_is_written_whole_or_not_at_all(writer: Writer, path: Path) -> None:
    study = begin(writer)
    writer.record(study, [record(0, 0.5, 5.0)])
    bad = {
        "was made from trial 9": record(2, parents=(9,)),
        "complete without": replace(record(2), trial=replace(record(2).trial, metrics={})),
        "plain JSON": record(2, measurements={"m": Measurement(1.0, 0.0, {"x": math.inf})}),
        "name of a metric": record(2, measurements={"a\0b": Measurement(1.0, 0.0, {})}),
    }
    for message, broken in bad.items():
        with pytest.raises(ArchiveError, match=message):
            writer.record(study, [record(1, 0.1, 1.0), broken])
    with pytest.raises(ZeroDivisionError):
        writer.record(study, [record(1, 0.1, 1.0, weights=lambda: bytes(1 // 0))])
    assert select(path, "SELECT count(*) FROM trials") == [(1,)]
    assert [t.number for t in writer.front(study)] == [0]
    with pytest.raises(ArchiveError, match="is not in"):
        writer.record(replace(study, id=5), [record(1)])
    with pytest.raises(ArchiveError, match="is not in"):
        writer.record(replace(study, name="other"), [record(1)])


def test_text_from_strangers_is_kept_or_escaped(writer: Writer, path: Path) -> None:
    study = begin(writer)
    half = "file \udc80.py"
    failure = Failure("error", half, half)
    score = Score("proxy:p", Architecture({}), "c", None, half)
    writer.record(
        study, [record(0, status=Status.FAILED, failure=failure, worker=half, scores=(score,))]
    )
    writer.close_session(study, "failed", half)
    with nas.Archive(path) as archive:
        shown = archive.trials("s")[0].failure
        assert shown == Failure("error", "file \\udc80.py", "file \\udc80.py")
        assert archive.scores("s")[0][0].failure == "file \\udc80.py"
        assert archive.state("s").reason == "file \\udc80.py"


HOSTILE = [
    'a"b',
    "a'b",
    '"; DROP TABLE trials; --',
    "'); DELETE FROM studies; --",
    "",
    "seconds",
    "Error",
    "metric_seconds",
    "名前 mit Ü",
    "a]b[c`d",
    "?1",
    "line\nbreak",
]


def test_metric_names_are_data_never_sql(writer: Writer, path: Path) -> None:
    study = begin(writer)
    metrics = {"error": 0.5, "params": 10.0} | {n: float(i) for i, n in enumerate(HOSTILE)}
    trial = replace(record(0).trial, metrics=metrics)
    writer.record(study, [replace(record(0), trial=trial)])
    writer.record(study, [record(1, 0.1, 99.0)])
    with nas.Archive(path) as archive:
        assert archive.trials("s")[0].metrics == metrics
        columns, rows = archive.query("SELECT * FROM trials_wide ORDER BY number")
        first, second = (dict(zip(columns, row, strict=True)) for row in rows)
    assert len({column.lower() for column in columns}) == len(columns)
    renamed = {"seconds": "metric_seconds", "Error": "metric_Error"}
    renamed["metric_seconds"] = "metric_metric_seconds"
    for name, value in metrics.items():
        assert first[renamed.get(name, name)] == value
    assert first["seconds"] == 0.0
    assert [second[name] for name in ("error", "params", "metric_Error")] == [0.1, 99.0, None]
    assert select(path, "SELECT count(*) FROM studies") == [(1,)]


def test_more_metrics_than_sqlite_has_columns(writer: Writer, path: Path) -> None:
    study = begin(writer)
    metrics = {"error": 0.5, "params": 10.0} | {f"m{i}": float(i) for i in range(2_500)}
    writer.record(study, [replace(record(0), trial=replace(record(0).trial, metrics=metrics))])
    with nas.Archive(path) as archive:
        columns, rows = archive.query("SELECT * FROM pareto_front")
        row = dict(zip(columns, next(rows), strict=True))
        rows.close()
        assert archive.trials("s")[0].metrics == metrics
    assert (row["error"], row["m1000"], "m2400" in row) == (0.5, 1000.0, False)


def test_a_value_that_is_no_number_comes_back_as_nan(writer: Writer, path: Path) -> None:
    study = begin(writer)
    score = Score("predictor:p", Architecture({}), "c", math.nan)
    curve = (nas.CurvePoint(1, {"loss": math.nan}), nas.CurvePoint(2, {"loss": math.inf}))
    recorded = writer.record(
        study,
        [
            record(0, math.nan, 1.0, curve=curve, scores=(score,)),
            record(1, math.inf, 2.0),
            record(2, 0.5, 3.0),
        ],
    )
    assert recorded.front == (2,)
    with nas.Archive(path) as archive:
        nan, infinite, _ = archive.trials("s")
        assert math.isnan(nan.metrics["error"])
        assert math.isnan(nan.losses[0])
        assert infinite.metrics["error"] == math.inf
        points = archive.curve(nan.id)
        assert math.isnan(points[0].metrics["loss"])
        assert points[1] == curve[1]
        found = archive.scores("s")[0][0]
        assert (found.value, found.failure) == (None, "the score is not a number")
        assert list(archive.query("SELECT error FROM trials_wide WHERE error IS NULL")[1])


def test_objectives_are_columns_before_the_first_trial(writer: Writer, path: Path) -> None:
    begin(writer)
    assert select(path, "SELECT error, params FROM pareto_front") == []

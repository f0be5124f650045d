"""The front of every study is right after every batch, and costs the same however many trials."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nas
from nas import Architecture, ArchiveError, Goal, Status, Trial
from nas.archive import query, reading
from nas.archive import writer as writing
from nas.archive.record import ComponentRecord, Record, Score
from nas.archive.writer import Writer
from nas.goals import losses
from nas.pareto import dominates
from nas.study import Study

GOALS = (Goal("error"), Goal("params", "maximize"), Goal("flops"))
SPACE = ComponentRecord("space", "toys:grid", {}, "toys", "1.0")


def begin(writer: Writer, name: str) -> Study:
    return writer.study(Study(name, "", GOALS, {}, 0, 1), [SPACE])


def record(number: int, *values: float, parents: tuple[int, ...] = ()) -> Record:
    metrics = dict(zip(("error", "params", "flops"), values, strict=True))
    architecture = Architecture({"n": number})
    trial = Trial(number, architecture, Status.COMPLETE, losses(GOALS, metrics), metrics=metrics)
    scores = (Score("proxy:p", architecture, f"c{number}", 1.0),)
    point = nas.CurvePoint(1, {"loss": 1.0})
    return Record(replace(trial, parents=parents), f"c{number}", "", curve=(point,), scores=scores)


VALUES = st.integers(0, 4).map(float)
POINT = st.tuples(VALUES, VALUES, VALUES, st.sampled_from(["on", "on", "on", "bound", "failed"]))
BATCHES = st.lists(st.lists(POINT, max_size=6), max_size=6)
Point = tuple[float, float, float, str]


def outcome(number: int, point: Point) -> Record:
    """Return the record of a point that may be on the front, breaks a bound, or failed."""
    *values, how = point
    made = record(number, *values)
    if how == "bound":
        return replace(made, trial=replace(made.trial, violation=1.0))
    if how == "failed":
        return replace(made, trial=replace(made.trial, status=Status.FAILED, losses=()))
    return made


@settings(max_examples=30, deadline=None)
@given(BATCHES, st.booleans())
def test_the_front_is_what_nothing_dominates(batches: list[list[Point]], reopen: bool) -> None:
    feasible: dict[int, tuple[float, ...]] = {}
    number, before = 0, ()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.db"
        writer = Writer.open(path)
        study = begin(writer, "s")
        begin(writer, "other")
        for batch in batches:
            records = [outcome(number + i, point) for i, point in enumerate(batch)]
            number += len(batch)
            feasible |= {r.trial.number: r.trial.losses for r in records if r.trial.feasible}
            if reopen:
                writer.close()
                writer = Writer.open(path)
            recorded = writer.record(study, records)
            naive = tuple(
                n
                for n, mine in feasible.items()
                if not any(dominates(other, mine) for other in feasible.values())
            )
            assert recorded.front == naive
            assert recorded.front_changed == (naive != before)
            before = naive
        shown = [trial.losses for trial in writer.front(study)]
        assert shown == sorted(shown)
        writer.close()
        with nas.Archive(path) as archive:
            assert sorted(t.number for t in archive.front("s")) == list(before)
            assert archive.front("other") == []
            wide = archive.query("SELECT number FROM pareto_front ORDER BY number")[1]
            assert [n for (n,) in wide] == list(before)


def test_two_writers_take_turns_and_see_each_other(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with Writer.open(path) as one, Writer.open(path) as two:
        mine, theirs = begin(one, "mine"), begin(two, "theirs")
        one.record(mine, [record(0, 0.5, 1.0, 5.0)])
        two.record(theirs, [record(0, 0.4, 1.0, 5.0)])
        assert one.front(mine)[0].losses == (0.5, -1.0, 5.0)
        assert two.existing("mine") == mine
        assert two.record(mine, [record(1, 0.6, 1.0, 1.0)]).front == (0, 1)
        assert one.record(mine, [record(2, 0.1, 1.0, 1.0)]).front == (2,)
        with pytest.raises(ArchiveError, match="does another search write to it"):
            two.record(mine, [record(2, 0.1, 1.0, 1.0)])
        assert [t.number for t in two.front(mine)] == [2]
    with nas.Archive(path) as archive:
        assert [t.number for t in archive.front("mine")] == [2]


class Steps:
    """Counts what SQLite's virtual machine does: cost without a clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._count = 0
        for_writing, for_reading = writing.open_for_writing, reading.open_for_reading

        def counted_writing(path: Path, **how: bool) -> object:
            connection = for_writing(path, **how)
            connection.set_progress_handler(self._step, 10)
            return connection

        def counted_reading(path: Path) -> object:
            connection, snapshot = for_reading(path)
            connection.set_progress_handler(self._step, 10)
            return connection, snapshot

        class Counted(query.Watch):
            def __call__(watch) -> bool:  # noqa: N805
                self._step()
                return super().__call__()

        monkeypatch.setattr(query, "Watch", Counted)
        monkeypatch.setattr(query, "STEPS", 10)
        monkeypatch.setattr(writing, "open_for_writing", counted_writing)
        monkeypatch.setattr(reading, "open_for_reading", counted_reading)

    def _step(self) -> int:
        self._count += 1
        return 0

    def of(self, call: Callable[[], object]) -> int:
        """Return how many tens of steps a call takes."""
        before = self._count
        call()
        return self._count - before


def test_cost_does_not_grow_with_the_number_of_trials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = Steps(monkeypatch)
    costs: dict[str, list[int]] = {}
    with Writer.open(tmp_path / "a.db") as writer:
        study = begin(writer, "s")
        for start in range(0, 6_000, 100):
            values = [(abs(n - 20) / 1e4, 1.0, 1.0) for n in range(start, start + 100)]
            parents = [((n - n % 100,) if n % 100 else ()) for n in range(start, start + 100)]
            batch = [record(start + i, *values[i], parents=parents[i]) for i in range(100)]
            cost = steps.of(lambda batch=batch: writer.record(study, batch))
            if start in (900, 5_900):
                costs.setdefault("record", []).append(cost)
                with nas.Archive(tmp_path / "a.db") as archive:
                    last = start + 100
                    for name, call in calls(archive, last).items():
                        costs.setdefault(name, []).append(steps.of(call))
    assert all(few > 0 for few, _ in costs.values())
    assert {name: c for name, c in costs.items() if c[1] > 1.3 * c[0] + 3} == {}


def calls(archive: nas.Archive, last: int) -> dict[str, Callable[[], object]]:
    """Return every question whose answer is as long in a large archive as in a small one."""
    return {
        "study": archive.study,
        "front": archive.front,
        "trial": lambda: archive.trial(last),
        "first": lambda: archive.trials(limit=20),
        "failed": lambda: archive.trials(status="failed"),
        "details": lambda: archive.details(last),
        "curve": lambda: archive.curve(last),
        "measurements": lambda: archive.measurements(last),
        "lineage": lambda: archive.lineage(last),
        "turned away": archive.turned_away,
        "pareto_front": lambda: list(archive.query("SELECT * FROM pareto_front")[1]),
        "wide": lambda: list(archive.query(f"SELECT * FROM trials_wide WHERE id = {last}")[1]),
        "same network": lambda: list(
            archive.query(f"SELECT * FROM architectures WHERE canonical_id = 'c{last - 1}'")[1]
        ),
        "its score": lambda: list(
            archive.query(
                f"""SELECT scores.value FROM trials JOIN scores USING (architecture)
                WHERE trials.id = {last}"""
            )[1]
        ),
    }

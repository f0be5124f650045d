"""The executor ``simulated``: a virtual clock, virtual workers, and what goes wrong with them."""

from __future__ import annotations

import csv
import itertools
import json
import math
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toys import TOY, config, rows, told

import nas
from nas.config import SimulationConfig
from nas.engine.progress import Progress
from nas.errors import ConfigError, StudyError
from nas.executors.jobs import Job, Outcome, Ref, Setup
from nas.executors.mishaps import Mishaps
from nas.executors.simulated import SimulatedExecutor, check_simulation
from nas.executors.worker import Worker
from nas.plugins import PluginFile

POINTS = list(itertools.product(range(5), repeat=3))


def write(path: Path, cost: Mapping[int, object], total: Sequence[float] = ()) -> str:
    """Write a table of the toy space; ``cost`` of those that it does not name is 10 seconds."""
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["name", "total", "cost"])
        for i, digits in enumerate(POINTS):
            text = json.dumps({f"d{k}": v for k, v in enumerate(digits)}, separators=(",", ":"))
            table.writerow([text, total[i] if total else sum(digits), cost.get(i, 10)])
    return str(path)


@pytest.fixture
def uneven(tmp_path: Path) -> str:
    """A table of durations that differ much, and of results without order."""
    source = random.Random(3)
    cost = {i: source.lognormvariate(4, 1) for i in range(len(POINTS))}
    return write(tmp_path / "uneven.csv", cost, [source.random() for _ in POINTS])


def simulation(table: str, workers: int = 10, **changes: Any) -> dict[str, Any]:
    run = {"executor": "simulated", "workers": workers, **changes.pop("run", {})}
    return config(
        evaluator={"name": "tabular", "path": table, "seconds": "cost"},
        objectives=[{"name": "reported", "metric": "total"}],
        **{"strategy": "climb", "order": "completion", "window": workers, "run": run, **changes},
    )


class Watching:
    """Remembers the last figures; breaks a search down after so many trials."""

    def __init__(self, most: float = math.inf) -> None:
        self.most = most
        self.last = Progress((), 0)

    def started(self, *about: object) -> None: ...

    def finished(self, *about: object) -> None: ...

    def progress(self, progress: Progress) -> None:
        self.last = progress
        if progress.done >= self.most:
            raise RuntimeError("the lights went out")


def search(values: dict[str, Any], path: Path) -> tuple[list[nas.Trial], Progress]:
    watching = Watching()
    return nas.search(values, path, plugins=[TOY], observer=watching).trials, watching.last


def timeline(path: Path) -> list[tuple[Any, ...]]:
    """Return who ran when and where, knowing what: everything that virtual time decides."""
    return rows(
        path,
        """SELECT number, status, started, seconds, worker, told, failure_message
        FROM trials ORDER BY number""",
    )


class TestClock:
    """The executor alone, against what can be said with pencil and paper."""

    @pytest.fixture(scope="class")
    @staticmethod
    def worker(tmp_path_factory: pytest.TempPathFactory) -> Worker:
        """Architecture i takes i // 5 seconds: 0 to 24, each five times."""
        table = write(tmp_path_factory.mktemp("t") / "t.csv", {i: i // 5 for i in range(125)})
        tabular = Ref("tabular", {"path": table, "seconds": "cost"})
        return Worker(Setup(Ref("toy"), tabular, (), (PluginFile.read(TOY),)), None)

    @staticmethod
    def run(
        executor: SimulatedExecutor, jobs: Sequence[Job], window: int
    ) -> tuple[list[Outcome], list[float]]:
        """Keep ``window`` jobs in flight; return outcomes as they come, and when they came."""
        left = iter(jobs)
        for job in itertools.islice(left, window):
            executor.submit(job)
        outcomes: list[Outcome] = []
        times = []
        while finished := executor.wait(1e9):
            outcomes += [item.outcome for item in finished]
            times += [executor.now()] * len(finished)
            for job in itertools.islice(left, len(finished)):
                executor.submit(job)
        return outcomes, times

    @staticmethod
    def jobs(seconds: Sequence[int]) -> list[Job]:
        points = [nas.Architecture({f"d{k}": v for k, v in enumerate(p)}) for p in POINTS]
        return [Job(number, points[5 * s], None, 0) for number, s in enumerate(seconds)]

    @pytest.mark.parametrize(
        ("n", "workers"), [(1, 1), (7, 3), (9, 3), (3, 10), (1000, 1000), (1001, 1000)]
    )
    def test_equal_jobs_take_their_rounds(self, worker: Worker, n: int, workers: int) -> None:
        executor = SimulatedExecutor(worker, workers)
        outcomes, _ = self.run(executor, self.jobs([24] * n), n)
        rounds = math.ceil(n / workers)
        assert len(outcomes) == n
        assert executor.now() == 24 * rounds
        idle = executor.state().idle
        assert idle is not None
        assert idle == pytest.approx(1 - n / (workers * rounds))

    @given(
        seconds=st.lists(st.integers(0, 24), min_size=1, max_size=30),
        workers=st.integers(1, 8),
        window=st.integers(1, 12),
    )
    def test_it_is_a_queue(
        self, worker: Worker, seconds: list[int], workers: int, window: int
    ) -> None:
        """Job k begins when all but m - 1 of those before it have ended, m = min(both)."""
        executor = SimulatedExecutor(worker, workers)
        outcomes, times = self.run(executor, self.jobs(seconds), window)
        most = min(workers, window)
        starts: list[float] = []
        ends: list[float] = []
        for number, length in enumerate(seconds):
            starts.append(sorted(ends)[number - most] if number >= most else 0.0)
            ends.append(starts[-1] + length)
        assert {o.number: o.started for o in outcomes} == dict(enumerate(starts))
        assert {o.number: o.seconds for o in outcomes} == dict(enumerate(seconds))
        assert times == sorted(ends) == [o.started + o.seconds for o in outcomes]
        idle = executor.state().idle
        if ends and max(ends):
            assert idle == pytest.approx(1 - sum(seconds) / (workers * max(ends)))

    @given(
        seconds=st.lists(st.integers(1, 24), min_size=1, max_size=25),
        workers=st.integers(1, 6),
        repair=st.integers(0, 40),
        lost=st.sampled_from([0.0, 30.0, 100.0]),
        seed=st.integers(0, 9),
    )
    def test_what_is_lost_runs_again_before_what_was_submitted_later(
        self,
        worker: Worker,
        seconds: list[int],
        workers: int,
        repair: int,
        lost: float,
        seed: int,
    ) -> None:
        faults = SimulationConfig(lost=lost, seed=seed, repair=repair, stragglers=0.3, failures=0.2)
        executor = SimulatedExecutor(worker, workers, faults, 60.0)
        try:
            outcomes, _ = self.run(executor, self.jobs(seconds), len(seconds))
        except StudyError as error:
            assert "lost 6 times" in str(error)  # noqa: PT017 - rare, and a result of its own
            return
        expected, losses = naive(Mishaps(faults, 60.0), seconds, workers, repair)
        assert {o.number: (o.started, o.seconds) for o in outcomes} == expected
        assert [(i.at, i.number) for i in executor.incidents()] == losses

    def test_nothing_waits_for_a_repair_that_nobody_needs(self, worker: Worker) -> None:
        faults = SimulationConfig(lost=60, repair=1e6)
        executor = SimulatedExecutor(worker, 50, faults)
        outcomes, _ = self.run(executor, self.jobs([24] * 20), 20)
        assert len(outcomes) == 20
        assert executor.incidents()
        assert executor.now() < 1e4
        assert executor.wait(1.0) == []

    def test_when_all_are_lost_the_first_to_return_goes_on(self, worker: Worker) -> None:
        faults = SimulationConfig(lost=100, repair=1000, seed=1)
        executor = SimulatedExecutor(worker, 1, faults)
        outcomes, _ = self.run(executor, self.jobs([24] * 4), 4)
        losses = executor.incidents()
        assert losses
        assert executor.now() > 1000 * len(losses)
        assert {o.number for o in outcomes} == {0, 1, 2, 3}

    def test_what_runs_is_told_in_virtual_time(self, worker: Worker) -> None:
        executor = SimulatedExecutor(worker, 2)
        for job in self.jobs([5, 9, 24, 3]):
            executor.submit(job)
        (first,) = executor.wait(1.0)
        assert first.outcome.worker == "virtual worker 0"
        state = executor.state()
        assert (state.workers, state.waiting) == (2, 2)
        (second,) = executor.wait(1.0)
        assert second.outcome.number == 1
        assert executor.now() == 9
        (third,) = executor.wait(1.0)
        assert (third.outcome.number, third.outcome.started) == (3, 9)
        (running,) = executor.state().running
        assert (running.number, running.since) == (2, 5)
        executor.stop()
        assert executor.wait(1.0) == []


def naive(
    mishaps: Mishaps, seconds: Sequence[int], workers: int, repair: float
) -> tuple[dict[int, tuple[float, float]], list[tuple[float, int]]]:
    """Simulate in the plainest way; return when each job began and how long it took, and losses."""
    waiting, attempts = set(range(len(seconds))), Counter[int]()
    busy: dict[int, tuple[float, float, int]] = {}  # began, ends, job; by worker
    away: dict[int, float] = {}
    now, ended, losses = 0.0, {}, []
    while waiting or busy:
        for worker in range(workers):
            if waiting and worker not in busy and worker not in away:
                job = min(waiting)
                waiting.remove(job)
                after = mishaps.fate(job, attempts[job], seconds[job]).after
                busy[worker] = now, now + after, job
        now = min([*(ends for _, ends, _ in busy.values()), *away.values()])
        away = {worker: until for worker, until in away.items() if until > now}
        for worker, (began, ends, job) in list(busy.items()):
            if ends > now:
                continue
            del busy[worker]
            fate = mishaps.fate(job, attempts[job], seconds[job])
            if fate.end == "lost":
                attempts[job] += 1
                waiting.add(job)
                losses.append((now, job))
                away[worker] = now + repair
            else:
                ended[job] = began, fate.after
        if repair == 0:
            away = {}
    return ended, losses


class TestMishaps:
    def test_without_any_nothing_happens(self) -> None:
        mishaps = Mishaps(SimulationConfig(), None)
        assert {mishaps.fate(n, 0, 7.0).end for n in range(100)} == {"done"}
        assert {mishaps.fate(n, 0, 7.0).after for n in range(100)} == {7.0}

    def test_they_are_as_frequent_as_they_should_be(self) -> None:
        n = 4000
        slow = Mishaps(SimulationConfig(stragglers=0.2, slowdown=3), None)
        lengths = Counter(slow.fate(i, 0, 10.0).after for i in range(n))
        assert set(lengths) == {10.0, 30.0}
        assert lengths[30.0] / n == pytest.approx(0.2, abs=0.02)
        failing = Mishaps(SimulationConfig(failures=0.1), None)
        parts = [f.after for i in range(n) if (f := failing.fate(i, 0, 1.0)).end == "failure"]
        assert len(parts) / n == pytest.approx(0.1, abs=0.015)
        assert sum(parts) / len(parts) == pytest.approx(0.5, abs=0.05)
        # half an hour at 0.4 an hour: a share of 1 - exp(-0.2) is lost on the way
        losing = Mishaps(SimulationConfig(lost=0.4), None)
        lost = [losing.fate(i, 0, 1800.0).end == "lost" for i in range(n)]
        assert sum(lost) / n == pytest.approx(1 - math.exp(-0.2), abs=0.02)

    def test_a_failure_is_the_trials_own_and_speed_the_attempts(self) -> None:
        mishaps = Mishaps(SimulationConfig(failures=0.5, stragglers=0.5), None)
        ends = [[mishaps.fate(n, attempt, 1.0) for attempt in range(4)] for n in range(60)]
        assert all(len({f.end for f in fates}) == 1 for fates in ends)
        assert any(len({f.after for f in fates}) > 1 for fates in ends)

    def test_the_seed_changes_who_is_met(self) -> None:
        one, two = (Mishaps(SimulationConfig(failures=0.5, seed=s), None) for s in (0, 1))
        assert [one.fate(n, 0, 1.0) for n in range(40)] != [two.fate(n, 0, 1.0) for n in range(40)]


FAULTS = {"stragglers": 0.2, "failures": 0.1, "lost": 2.0, "repair": 100}


class TestSearch:
    @pytest.mark.parametrize("order", ["number", "completion"])
    def test_two_runs_are_the_same_to_the_last_second(
        self, uneven: str, tmp_path: Path, order: str
    ) -> None:
        values = simulation(uneven, order=order, run={"simulation": FAULTS}, stop={"trials": 80})
        (one, first), (two, second) = (search(values, tmp_path / name) for name in ("a", "b"))
        assert told(one) == told(two)
        assert timeline(tmp_path / "a") == timeline(tmp_path / "b")
        assert (first.seconds, first.idle) == (second.seconds, second.idle)
        assert {t.failure.kind for t in one if t.failure} == {"injected"}
        assert first.incidents["worker"] == len(rows(tmp_path / "a", "SELECT 1 FROM incidents")) > 0

    @pytest.mark.parametrize("workers", [1, 7, 1000])
    def test_by_number_the_trials_are_those_of_any_executor(
        self, uneven: str, tmp_path: Path, workers: int
    ) -> None:
        values = simulation(uneven, order="number", window=16, stop={"trials": 60})
        inline, _ = search({**values, "run": {"executor": "inline"}}, tmp_path / "a")
        values["run"]["workers"] = workers
        virtual, _ = search(values, tmp_path / "b")
        assert told(inline) == told(virtual)

    def test_by_completion_they_follow_from_who_was_faster(
        self, uneven: str, tmp_path: Path
    ) -> None:
        """A proposal knows exactly what had ended by the virtual time at which it was made."""
        trials, _ = search(simulation(uneven, stop={"trials": 80}), tmp_path / "a")
        known = rows(tmp_path / "a", "SELECT started, told FROM trials ORDER BY number")
        assert len(known) == len(trials) == 80
        ends = [began + t.seconds for (began, _), t in zip(known, trials, strict=True)]
        for began, told_before in known:
            assert told_before == sum(end <= began for end in ends)
        others, _ = search(simulation(uneven, 3, stop={"trials": 80}), tmp_path / "b")
        assert told(others) != told(trials)

    @pytest.mark.parametrize("order", ["number", "completion"])
    def test_a_search_in_parts_is_the_same_as_one(
        self, uneven: str, tmp_path: Path, order: str
    ) -> None:
        whole = simulation(uneven, order=order, run={"simulation": FAULTS}, stop={"trials": 90})
        trials, figures = search(whole, tmp_path / "a")
        search({**whole, "stop": {"trials": 25}}, tmp_path / "b")
        with pytest.raises(RuntimeError, match="the lights went out"):
            nas.search(whole, tmp_path / "b", plugins=[TOY], observer=Watching(60))
        assert rows(tmp_path / "b", "SELECT 1 FROM trials WHERE status = 'cancelled'")
        parts, last = search(whole, tmp_path / "b")
        assert told(parts) == told(trials)
        assert last.seconds == figures.seconds
        assert [t.seconds for t in parts] == [t.seconds for t in trials]
        incidents = "SELECT kind, message, number FROM incidents ORDER BY number, message"
        assert rows(tmp_path / "b", incidents) == rows(tmp_path / "a", incidents)

    def test_where_nothing_is_lost_the_parts_are_the_same_to_the_second(
        self, uneven: str, tmp_path: Path
    ) -> None:
        whole = simulation(uneven, window=14, stop={"trials": 60})
        search(whole, tmp_path / "a")
        for trials in (13, 40, 60):
            search({**whole, "stop": {"trials": trials}}, tmp_path / "b")
        assert timeline(tmp_path / "b") == timeline(tmp_path / "a")

    def test_seconds_are_virtual_over_all_sessions(self, uneven: str, tmp_path: Path) -> None:
        values = simulation(uneven, stop={"seconds": 400})
        whole, figures = search(values, tmp_path / "a")
        search({**values, "stop": {"seconds": 150}}, tmp_path / "b")
        parts, _ = search(values, tmp_path / "b")
        assert told(parts) == told(whole)
        starts = [start for (start,) in rows(tmp_path / "a", "SELECT started FROM trials")]
        assert 300 < max(starts) < 400 <= figures.seconds
        again, _ = search(values, tmp_path / "b")
        assert told(again) == told(whole)

    def test_asynchrony_pays_where_workers_are_uneven(self, uneven: str, tmp_path: Path) -> None:
        faults = {"simulation": {"stragglers": 0.1, "slowdown": 10}}
        seconds = {}
        for order in ("number", "completion"):
            values = simulation(uneven, order=order, run=faults, stop={"trials": 100})
            seconds[order] = search(values, tmp_path / order)[1].seconds
        assert seconds["completion"] < 0.8 * seconds["number"]

    def test_a_thousand_workers(self, uneven: str, tmp_path: Path) -> None:
        trials, figures = search(simulation(uneven, 1000, stop={"trials": 125}), tmp_path / "a")
        assert len({worker for (_, _, _, _, worker, *_) in timeline(tmp_path / "a")}) == 125
        assert figures.seconds == max(t.seconds for t in trials)
        idle = 1 - sum(t.seconds for t in trials) / (1000 * figures.seconds)
        assert figures.idle == pytest.approx(idle)

    def test_the_limit_is_virtual_and_the_same_failure_as_elsewhere(
        self, uneven: str, tmp_path: Path
    ) -> None:
        values = simulation(uneven, stop={"trials": 60}, limits={"timeout": 100})
        trials, _ = search(values, tmp_path / "a")
        late = [t for t in trials if t.failure]
        assert 0 < len(late) < 60
        for trial in late:
            assert trial.failure is not None
            assert trial.failure.kind == "timeout"
            assert trial.failure.message == "it was still running after 100 seconds, the limit"
            assert trial.seconds == 100
        assert max(t.seconds for t in trials) == 100

    def test_what_nobody_has_timed_fails_and_takes_no_time(self, tmp_path: Path) -> None:
        table = write(tmp_path / "t.csv", {0: "", 1: -1})
        lines = Path(table).read_text().splitlines()
        del lines[3]  # the third architecture is missing altogether
        Path(table).write_text("\n".join(lines))
        values = simulation(table, strategy="listed", stop={"trials": 6})
        trials, figures = search(values, tmp_path / "a")
        messages = [t.failure.message if t.failure else "" for t in trials]
        assert messages[0].startswith("train_seconds: train_seconds is empty")
        assert messages[1] == "train_seconds is -1; a duration is at least 0"
        assert "is not in the table" in messages[2]
        assert messages[3:] == ["", "", ""]
        assert [t.seconds for t in trials] == [0, 0, 0, 10, 10, 10]
        assert figures.seconds == 10

    def test_without_a_number_of_workers_the_window_has_enough(
        self, uneven: str, tmp_path: Path
    ) -> None:
        values = simulation(uneven, stop={"trials": 20}, window=4)
        values["run"] = {"executor": "simulated"}
        search(values, tmp_path / "a")
        workers = {worker for (worker,) in rows(tmp_path / "a", "SELECT worker FROM trials")}
        assert workers == {f"virtual worker {i}" for i in range(4)}


class TestErrors:
    def test_an_evaluator_that_knows_no_seconds(self, uneven: str, tmp_path: Path) -> None:
        values = simulation(uneven)
        del values["evaluator"]["seconds"]
        with pytest.raises(ConfigError, match=r"train_seconds.*cost, total.*seconds = "):
            search(values, tmp_path / "a.db")
        assert not (tmp_path / "a.db").exists()

    def test_an_evaluator_that_trains(self) -> None:
        class Trains(nas.Evaluator):
            metrics = ("error", "train_seconds")

            def evaluate(self, task: nas.Task, report: nas.Report) -> nas.Evaluation:
                raise AssertionError

        with pytest.raises(ConfigError, match="this evaluator trains now"):
            check_simulation(Trains())

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"reuse": True, "run": {"executor": "simulated"}}, "leave out reuse"),
            ({"run": {"executor": "ray", "simulation": {}}}, "simulation is for executor"),
            ({"run": {"executor": "simulated", "address": "a:1"}}, "address is of a Ray cluster"),
            ({"run": {"executor": "simulated", "simulation": {"slow": 1}}}, "unknown key 'run.sim"),
            ({"run": {"executor": "simulated", "simulation": {"lost": -1}}}, "run.simulation.lost"),
        ],
    )
    def test_what_does_not_fit(self, changes: dict[str, Any], message: str) -> None:
        with pytest.raises(ConfigError, match=message):
            nas.Config.parse({**config(), **changes})

    def test_what_is_simulated_is_part_of_the_study(self, uneven: str, tmp_path: Path) -> None:
        values = simulation(uneven, stop={"trials": 5})
        search(values, tmp_path / "a.db")
        for changes, message in (
            ({"run": {**values["run"], "workers": 11}}, "run.workers: 10 -> 11"),
            ({"run": {**values["run"], "simulation": {"lost": 1}}}, "lost: 0.0 -> 1"),
            ({"limits": {"timeout": 3}}, "limits.timeout: null -> 3"),
            ({"run": {"executor": "inline"}}, "executor"),
        ):
            with pytest.raises(StudyError, match=message):
                search({**values, **changes}, tmp_path / "a.db")
        search({**values, "stop": {"trials": 6}, "limits": {"memory": 2e9}}, tmp_path / "a.db")

    def test_a_trial_that_is_lost_again_and_again_ends_the_search(
        self, uneven: str, tmp_path: Path
    ) -> None:
        values = simulation(uneven, run={"simulation": {"lost": 1e6}})
        with pytest.raises(StudyError, match="was lost 6 times with its worker"):
            search(values, tmp_path / "a.db")

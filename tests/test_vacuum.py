"""Giving space back: what can be done without goes in order, and nothing else."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest
import toys
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import nas
from nas import Architecture, ArchiveError, Goal, Status, Trial
from nas.archive.artifacts import Artifacts
from nas.archive.pruning import Freed, vacuum
from nas.archive.record import ComponentRecord, Record
from nas.archive.snapshots import path_of
from nas.archive.writer import Writer
from nas.goals import losses
from nas.study import Study

GOALS = (Goal("error"), Goal("size"))
SPACE = ComponentRecord("space", "toy:toy", {}, "(file)", "1")
SIZE = 1000


def fill(path: Path, *points: Sequence[float], name: str = "s", keep_all: bool = False) -> None:
    """Write a study with a trial for each point; each has weights of its own, ``SIZE`` bytes."""
    config = {"study": name, **({"weights": "all"} if keep_all else {})}
    with Writer.open(path, durable=False) as writer:
        study = writer.study(Study(name, "", GOALS, config, 0, 1), [SPACE])
        for number, (error, size) in enumerate(points):
            metrics = {"error": error, "size": size}
            trial = Trial(
                number,
                Architecture({"n": number}),
                Status.COMPLETE,
                losses(GOALS, metrics),
                metrics=metrics,
            )
            content = f"{name}{number}".encode().ljust(SIZE)
            record = Record(trial, f"{name}{number}", "", weights=lambda c=content: c)  # type: ignore[misc]
            writer.record(study, [record])
        writer.close_session(study, "finished", "done")


def having(path: Path) -> list[int]:
    """Return the ids of the trials whose weights can be read."""
    artifacts = Artifacts(path)
    rows = toys.rows(path, "SELECT trial, sha256 FROM artifacts ORDER BY trial")
    assert {f.stem for f in artifacts.files()} >= {sha256 for _, sha256 in rows}
    for _, sha256 in rows:
        artifacts.read(sha256)
    return [trial for trial, _ in rows]


def bytes_below(path: Path) -> int:
    folder = path.with_name(path.name + ".artifacts")
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def numbers(path: Path) -> list[str]:
    """Return everything but which weights are kept."""
    with closing(sqlite3.connect(path)) as connection:
        return [line for line in connection.iterdump() if 'INTO "artifacts"' not in line]


FRONT = [(0.0, 1.0), (0.1, 0.5), (0.45, 0.45), (0.5, 0.1), (1.0, 0.0)]
"""The third adds next to nothing; the ends add little."""


class TestWeights:
    def test_the_least_goes_first_and_no_number_does(self, tmp_path: Path) -> None:
        path = tmp_path / "a.db"
        fill(path, *FRONT)
        before = numbers(path)
        freed = vacuum(path, weights=4 * SIZE)
        assert [one.trial for one in freed.weights] == [3]
        assert (freed.weight_files.bytes, freed.left.files) == (SIZE, 4)
        assert having(path) == [1, 2, 4, 5]
        assert numbers(path) == before
        with nas.Archive(path) as archive, pytest.raises(ArchiveError, match="has no weights"):
            archive.load_model(3)
        vacuum(path, weights=0)
        assert having(path) == []
        assert bytes_below(path) == 0

    def test_those_off_the_front_go_first(self, tmp_path: Path) -> None:
        path = tmp_path / "a.db"
        fill(path, (0.5, 0.5), (0.9, 0.9), (0.7, 0.8), (0.6, 0.4), keep_all=True)
        assert having(path) == [1, 2, 3, 4]
        freed = vacuum(path, weights=0, dry_run=True)
        assert [one.trial for one in freed.weights] == [2, 3, 1, 4]
        assert [one.on_front for one in freed.weights] == [False, False, True, True]
        vacuum(path, weights=3 * SIZE - 1)
        assert having(path) == [1, 4]

    def test_studies_take_turns(self, tmp_path: Path) -> None:
        path = tmp_path / "a.db"
        fill(path, (0.0, 0.0), (1, 1), (2, 2), (3, 3), name="a", keep_all=True)
        fill(path, (0.0, 0.0), (1e6, 1), name="b", keep_all=True)
        freed = vacuum(path, weights=0, dry_run=True)
        assert [one.trial for one in freed.weights][:4] == [4, 6, 3, 2]

    def test_of_two_equal_networks_one_stays(self, tmp_path: Path) -> None:
        path = tmp_path / "a.db"
        fill(path, (0.0, 1.0), (0.5, 0.5), (0.5, 0.5), (1.0, 0.0))
        vacuum(path, weights=3 * SIZE)
        assert having(path) in ([1, 2, 4], [1, 3, 4])

    def test_what_is_to_stay_stays(self, tmp_path: Path) -> None:
        path = tmp_path / "a.db"
        fill(path, *FRONT)
        freed = vacuum(path, weights=0, keep=[3, 5])
        assert having(path) == [3, 5]
        assert freed.left.bytes == 2 * SIZE
        with pytest.raises(ArchiveError, match="trial 1, whose weights are to stay, has none"):
            vacuum(path, weights=0, keep=[1])

    def test_a_file_that_two_trials_share(self, tmp_path: Path) -> None:
        path = tmp_path / "a.db"
        fill(path, *FRONT)
        with closing(sqlite3.connect(path)) as connection, connection:
            shared = "(SELECT sha256 FROM artifacts WHERE trial = 1)"
            connection.execute(f"UPDATE artifacts SET sha256 = {shared} WHERE trial = 3")
        freed = vacuum(path, weights=4 * SIZE)
        assert (freed.weights, freed.unreferenced.files) == ((), 1)
        vacuum(path, weights=SIZE, keep=[3])
        assert having(path) == [1, 3]
        vacuum(path, weights=0)
        assert (having(path), bytes_below(path)) == ([], 0)

    @given(
        points=st.lists(
            st.tuples(*[st.integers(0, 6).map(float)] * 2), min_size=1, max_size=8, unique=True
        ),
        quota=st.integers(0, 9),
    )
    @settings(
        max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    def test_the_quota_holds_and_nobody_goes_in_vain(
        self, tmp_path: Path, points: list[tuple[float, float]], quota: int
    ) -> None:
        path = tmp_path / f"{random.SystemRandom().random()}.db"
        fill(path, *points, keep_all=True)
        planned = vacuum(path, weights=quota * SIZE, dry_run=True)
        assert len(having(path)) == len(points)
        freed = vacuum(path, weights=quota * SIZE)
        assert freed.weights == planned.weights
        assert len(having(path)) == min(quota, len(points))
        gone = {one.trial for one in freed.weights}
        with nas.Archive(path) as archive:
            on_front = {trial.id for trial in archive.front()}
        # as long as there is one off the front, none on it goes
        others = {i + 1 for i in range(len(points))} - on_front
        assert not gone & on_front or others <= gone


class TestFiles:
    def test_snapshots_go_with_their_studies(self, tmp_path: Path) -> None:
        path = tmp_path / "a.db"
        for name in ("finished", "open"):
            fill(path, *FRONT, name=name)
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("UPDATE studies SET status = 'interrupted' WHERE id = 2")
            connection.execute("UPDATE trials SET status = 'paused' WHERE id = 7")
        files = {(1, 9): False, (2, 0): False, (2, 1): True, (2, 9): True, (7, 0): False}
        for study, number in files:
            file = path_of(path, study, number)
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(b"12345")
        path_of(path, 2, 8).with_suffix(".part").write_bytes(b"123")
        freed = vacuum(path)
        assert (freed.snapshots.files, freed.snapshots.bytes) == (4, 18)
        left = {key: path_of(path, *key).exists() for key in files}
        assert left == files
        assert not path_of(path, 2, 8).with_suffix(".part").exists()
        assert freed.weights == ()
        assert having(path) == list(range(1, 11))

    def test_what_is_not_ours_is_left_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "a.db"
        fill(path, *FRONT)
        folder = path.with_name("a.db.artifacts")
        orphan = folder / "ab" / f"{'ab' * 32}.safetensors"
        outside = tmp_path / "outside"
        outside.mkdir()
        theirs = [
            folder / "README",
            folder / "ab" / "mine.safetensors",
            folder / "ab" / f"{'ab' * 32}.txt",
            folder / "checkpoints" / "best.safetensors",
            folder / "checkpoints" / "1-1.pt",
            outside / f"{'cd' * 32}.safetensors",
            outside / "1-1.safetensors",
            tmp_path / "a.db.notes",
        ]
        for file in (orphan, orphan.with_suffix(".part"), *theirs):
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(b"1234")
        (folder / "cd").symlink_to(outside)
        (folder / "checkpoints" / "1-2.safetensors").symlink_to(outside / "1-1.safetensors")
        freed = vacuum(path, dry_run=True)
        assert (freed.unreferenced.files, freed.unreferenced.bytes) == (2, 8)
        assert orphan.exists()
        assert vacuum(path).unreferenced == freed.unreferenced
        assert not orphan.exists()
        assert not orphan.with_suffix(".part").exists()
        assert all(file.exists() for file in theirs)
        assert (folder / "checkpoints" / "1-2.safetensors").is_symlink()

    def test_empty_pages(self, tmp_path: Path) -> None:
        path = tmp_path / "a.db"
        fill(path, *FRONT)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE big (x)")
            connection.execute("INSERT INTO big VALUES (zeroblob(2000000))")
            connection.execute("DROP TABLE big")
            connection.commit()
        before, said = path.stat().st_size, numbers(path)
        freed = vacuum(path)
        assert freed.database == before - path.stat().st_size > 1_900_000
        assert numbers(path) == said
        with nas.Archive(path) as archive:
            assert len(archive.front()) == 5
        assert vacuum(path).bytes == 0

    def test_a_disk_without_room(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from nas.archive import pruning

        path = tmp_path / "a.db"
        fill(path, *FRONT)
        monkeypatch.setattr(pruning.shutil, "disk_usage", lambda _: type("", (), {"free": 1}))
        monkeypatch.setattr(pruning, "_empty", lambda _: 1)
        assert "no room" in vacuum(path).note


class TestFaults:
    """Rows go first, so whatever happens no row refers to a file that is gone."""

    def crashed(self, path: Path, crash: Callable[[], None]) -> int:
        def work() -> None:
            crash()
            vacuum(path, weights=0)

        process = multiprocessing.get_context("fork").Process(target=work)
        process.start()
        process.join()
        return int(process.exitcode or 0)

    @pytest.mark.parametrize("after", [0, 1, 3])
    def test_killed_while_files_are_removed(self, tmp_path: Path, after: int) -> None:
        path = tmp_path / "a.db"
        fill(path, *FRONT)

        def crash() -> None:
            unlink, left = Path.unlink, [after]

            def dying(self: Path, missing_ok: bool = False) -> None:
                if self.suffix == ".safetensors":
                    if not left[0]:
                        os._exit(9)
                    left[0] -= 1
                unlink(self, missing_ok=missing_ok)

            Path.unlink = dying  # type: ignore[method-assign]

        assert self.crashed(path, crash) == 9
        assert having(path) == []
        assert bytes_below(path) == (5 - after) * SIZE
        freed = vacuum(path)
        assert freed.unreferenced.files == 5 - after
        assert bytes_below(path) == 0

    def test_killed_before_rows_are_committed(self, tmp_path: Path) -> None:
        path = tmp_path / "a.db"
        fill(path, *FRONT)

        def crash() -> None:
            from nas.archive import pruning

            def dying(*_: object) -> None:
                os._exit(9)

            pruning.WEIGHTS = property(dying)  # type: ignore[assignment]
            pruning._plan = dying  # type: ignore[assignment]

        assert self.crashed(path, crash) == 9
        assert having(path) == [1, 2, 3, 4, 5]

    def test_killed_at_any_moment(self, tmp_path: Path, pytestconfig: pytest.Config) -> None:
        rng = random.Random(pytestconfig.getoption("fault_seed"))
        context = multiprocessing.get_context("fork")
        for attempt in range(4):
            path = tmp_path / f"{attempt}.db"
            fill(path, *FRONT)
            said = numbers(path)
            process = context.Process(target=vacuum, args=(path,), kwargs={"weights": 2 * SIZE})
            process.start()
            time.sleep(rng.random() * 0.05)
            assert process.pid is not None
            os.kill(process.pid, signal.SIGKILL)
            process.join()
            assert having(path) in ([1, 2, 3, 4, 5], [2, 4])
            vacuum(path, weights=2 * SIZE)
            assert having(path) == [2, 4]
            assert bytes_below(path) == 2 * SIZE
            assert numbers(path) == said


def hold(path: Path, begun: object, end: object) -> None:
    with Writer.open(path) as writer:
        writer.study(Study("held", "", GOALS, {}, 0, 1), [SPACE])
        begun.set()  # type: ignore[attr-defined]
        end.wait(30)  # type: ignore[attr-defined]


class TestRefusals:
    def test_while_a_search_runs(self, tmp_path: Path) -> None:
        path = tmp_path / "a.db"
        fill(path, *FRONT)
        context = multiprocessing.get_context("fork")
        begun, end = context.Event(), context.Event()
        process = context.Process(target=hold, args=(path, begun, end))
        process.start()
        assert begun.wait(30)
        try:
            with pytest.raises(ArchiveError, match=r"'held' in .* is being run by process"):
                vacuum(path, weights=0)
            assert vacuum(path, weights=0, dry_run=True).weight_files.files == 5
        finally:
            end.set()
            process.join()
        assert isinstance(vacuum(path, weights=0), Freed)  # it was killed, as far as this can tell
        assert having(path) == []

    @pytest.mark.parametrize("dry_run", [True, False])
    def test_what_is_no_archive(self, tmp_path: Path, dry_run: bool) -> None:
        with pytest.raises(ArchiveError, match="there is no archive"):
            vacuum(tmp_path / "a.db", dry_run=dry_run)
        (tmp_path / "b.db").write_bytes(b"text")
        with pytest.raises(ArchiveError, match="is no archive"):
            vacuum(tmp_path / "b.db", dry_run=dry_run)
        assert sorted(p.name for p in tmp_path.iterdir()) == ["b.db"]

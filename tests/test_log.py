"""A search's log: one JSON object a line, whatever happens to the search or to the file."""

from __future__ import annotations

import json
import logging
import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import nas
from nas.engine.log import EventLog
from nas.engine.logfile import LogFile
from nas.engine.progress import Plan, Progress
from nas.incident import Incident
from nas.study import Study

TOY = Path(__file__).parent / "files" / "toy.py"
PLAN = Plan(0, 10, None, "inline: this process", "toy, 125 architectures")
STUDY = Study("toy", "a.db", (nas.Goal("total"),), {"study": "toy"}, 0, 8)


def config(**more: Any) -> dict[str, Any]:
    return {
        "study": "toy",
        "objectives": ["total", "spread"],
        "space": "toy",
        "strategy": "listed",
        "evaluator": {"name": "tally", "on": 1, "mode": "raise"},
        "stop": {"trials": 30},
        "run": {"executor": "inline"},
        **more,
    }


def search(folder: Path, **more: Any) -> list[dict[str, Any]]:
    nas.search(config(**more), folder / "a.db", plugins=[TOY], log=folder / "log.jsonl")
    return read(folder / "log.jsonl")


def read(path: Path) -> list[dict[str, Any]]:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    text = path.read_bytes().decode("ascii")
    assert text.endswith("\n")
    return [json.loads(line, parse_constant=refuse) for line in text.splitlines()]


def named(events: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [event for event in events if event["event"] == name]


def trial(number: int, **metrics: float) -> nas.Trial:
    architecture = nas.Architecture({"d": number})
    return nas.Trial(number, architecture, nas.Status.COMPLETE, (1.0,), metrics=metrics)


@pytest.fixture(autouse=True)
def no_handler_stays() -> Iterator[None]:
    before = list(logging.getLogger().handlers)
    yield
    assert logging.getLogger().handlers == before


class TestASearch:
    def test_tells_everything_that_the_archive_holds(self, tmp_path: Path) -> None:
        events = search(tmp_path)
        with nas.Archive(tmp_path / "a.db") as archive:
            trials, front = archive.trials("toy"), archive.front("toy")
        told = named(events, "trial.finished")
        assert [(t["trial"], t["id"], t["status"], t["metrics"]) for t in told] == [
            (t.number, t.id, t.status.value, dict(t.metrics)) for t in trials
        ]
        assert named(events, "front.changed")[-1]["trials"] == [t.number for t in front]
        (end,) = named(events, "session.finished")
        assert end["done"] == 30
        assert end["reason"] == "30 trials are done"
        assert end["failed"] == {"error": sum(t.failure is not None for t in trials)}
        assert events[0]["event"] == "session.started"
        assert events[-1] is end

    def test_says_who_what_and_by_which_versions(self, tmp_path: Path) -> None:
        start, *rest = search(tmp_path)
        assert start["config"]["stop"] == {"trials": 30, "seconds": None, "budget": None}
        assert start["versions"]["plugnas"] == nas.__version__
        assert start["pid"] == os.getpid()
        assert start["stop_trials"] == 30
        for event in [start, *rest]:
            assert list(event)[:4] == ["time", "level", "event", "study"]
            assert event["study"] == "toy"
            assert event["time"].endswith("Z")
        times = [event["time"] for event in [start, *rest]]
        assert times == sorted(times)

    def test_a_failure_has_its_kind_and_where_it_ran(self, tmp_path: Path) -> None:
        failed = [t for t in named(search(tmp_path), "trial.finished") if t["failure"]]
        assert failed
        for event in failed:
            assert event["level"] == "warning"
            assert event["failure"]["kind"] == "error"
            assert "cannot be trained" in event["failure"]["message"]
            assert f"pid {os.getpid()}" in event["worker"]

    def test_going_on_appends_and_says_how_many_there_were(self, tmp_path: Path) -> None:
        search(tmp_path)
        events = search(tmp_path, stop={"trials": 40})
        first, second = named(events, "session.started")
        assert (first["resumed"], second["resumed"]) == (0, 30)
        numbers = [event["trial"] for event in named(events, "trial.finished")]
        assert numbers == list(range(40))

    def test_an_error_is_the_last_line(self, tmp_path: Path) -> None:
        with pytest.raises(nas.ComponentError):
            search(tmp_path, strategy="nosuch")
        (event,) = read(tmp_path / "log.jsonl")
        assert (event["event"], event["level"]) == ("error", "error")
        assert "nosuch" in event["message"]
        assert "ComponentError" in event["traceback"]


class TestEvents:
    def test_incidents_and_the_reason_why_nothing_runs(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("nas.engine.log.PROGRESS_EVERY", 0.0)
        incident = Incident(1.5, "node", "node b was lost", 7, "b pid 3")
        stuck = Progress((), done=3, met=[incident], incidents={"node": 1}, stuck="no GPU")
        with EventLog(tmp_path / "log", "toy") as log:
            log.started(STUDY, PLAN)
            log.progress(stuck)
        events = read(tmp_path / "log")
        (met,) = named(events, "incident")
        assert (met["kind"], met["message"], met["number"]) == ("node", "node b was lost", 7)
        (progress,) = named(events, "progress")
        assert (progress["stuck"], progress["level"]) == ("no GPU", "warning")
        assert progress["incidents"] == {"node": 1}

    def test_progress_is_told_now_and_then(self, tmp_path: Path) -> None:
        with EventLog(tmp_path / "log", "toy") as log:
            log.started(STUDY, PLAN)
            for _ in range(1000):
                log.progress(Progress((), done=3))
        assert len(named(read(tmp_path / "log"), "progress")) < 10

    def test_what_is_no_number_is_null(self, tmp_path: Path) -> None:
        with EventLog(tmp_path / "log", "toy") as log:
            log.started(STUDY, PLAN)
            values = {"a": float("nan"), "b": float("inf"), "c": 0.5}
            log.progress(Progress([trial(0, **values)], done=1, workers=["box pid 1"]))
        (event,) = named(read(tmp_path / "log"), "trial.finished")
        assert event["metrics"] == {"a": None, "b": None, "c": 0.5}

    def test_the_front_is_told_when_it_changes(self, tmp_path: Path) -> None:
        one, two = trial(0), trial(1)
        with EventLog(tmp_path / "log", "toy") as log:
            log.started(STUDY, PLAN)
            log.progress(Progress((), done=1, front=[one]))  # of an earlier session
            log.progress(Progress([two], done=2, front=[one]))
            log.progress(Progress((), done=2, front=[one, two]))
        (event,) = named(read(tmp_path / "log"), "front.changed")
        assert event["trials"] == [0, 1]

    def test_what_logging_says_is_in_it_and_still_on_stderr(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(logging.getLogger(), "handlers", [])
        with EventLog(tmp_path / "log", "toy"):
            try:
                raise ValueError("\x1b[31mred\nline")
            except ValueError:
                logging.getLogger("nas_trackers").exception("the server is %s", "down")
        (event,) = read(tmp_path / "log")
        assert (event["logger"], event["level"]) == ("nas_trackers", "error")
        assert event["message"] == "the server is down"
        assert "ValueError" in event["traceback"]
        assert "the server is down" in capsys.readouterr().err


def test_the_documentation_lists_every_event_with_its_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nas.engine.log.PROGRESS_EVERY", 0.0)
    page = (Path(__file__).parents[1] / "docs/progress.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z.]+)` \| [^|]+ \| ([^|]+) \|$", page, re.MULTILINE)
    outside = {event: re.sub(r"\([^)]*\)", "", keys) for event, keys in rows}
    listed = {event: set(re.findall(r"`(\w+)`", keys)) for event, keys in outside.items()}
    listed["session.finished"] = {"reason"} | listed["progress"]
    search(tmp_path)
    with pytest.raises(nas.ComponentError):
        search(tmp_path, strategy="nosuch")
    with EventLog(tmp_path / "log.jsonl", "toy") as log:
        log.progress(Progress((), done=3, met=[Incident(1.5, "node", "lost")]))
        try:
            raise ValueError
        except ValueError:
            logging.getLogger("nas").exception("said")
        log._file._missing = 3
        log.progress(Progress((), done=3))
    common = {"time", "level", "event", "study"}
    told = {event["event"]: event.keys() - common for event in read(tmp_path / "log.jsonl")}
    assert told == listed


class TestTheFile:
    def test_no_line_is_ever_mixed_with_another(self, tmp_path: Path) -> None:
        file = LogFile(tmp_path / "log")

        def write(writer: int) -> None:
            for number in range(200):
                common = {"time": "t", "study": "s", "writer": writer}
                file.write([{**common, "number": number, "text": "x" * 3000}] * 2)

        threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        file.close()
        events = read(tmp_path / "log")
        for writer in range(4):
            mine = [event["number"] for event in events if event["writer"] == writer]
            assert mine == [number for number in range(200) for _ in range(2)]

    def test_half_a_line_of_a_killed_process_spoils_no_other(self, tmp_path: Path) -> None:
        path = tmp_path / "log"
        path.write_text('{"event": "a"}\n{"event": "b')
        with EventLog(path, "toy") as log:
            log.finished(STUDY, "done")
        first, half, whole = path.read_text().splitlines()
        assert (first, half) == ('{"event": "a"}', '{"event": "b')
        assert json.loads(whole)["event"] == "session.finished"

    @pytest.mark.parametrize("content", [b"SQLite format 3\0...", b"study = 'x'\n", b"\x80\x02"])
    def test_what_is_no_log_is_left_alone(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "precious"
        path.write_bytes(content)
        with pytest.raises(nas.ConfigError, match=r"precious.*holds something else"):
            EventLog(path, "toy")
        assert path.read_bytes() == content

    @pytest.mark.parametrize("name", [".", "no/such/log", "a.db"])
    def test_it_is_refused_before_anything_runs(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(nas.ConfigError, match="log"):
            nas.search(config(), tmp_path / "a.db", plugins=[TOY], log=tmp_path / name)
        assert not (tmp_path / "a.db").exists()

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
    def test_a_full_disk_is_told_once_and_stops_nothing(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        result = nas.search(config(), tmp_path / "a.db", plugins=[TOY], log="/dev/full")
        assert len(result.trials) == 30
        (said,) = [r.getMessage() for r in caplog.records if r.name == "nas.engine.logfile"]
        assert "/dev/full" in said
        assert "No space left" in said

    def test_when_there_is_room_again_it_says_what_it_misses(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        room = 10_000
        write = os.write

        def limited(descriptor: int, data: bytes) -> int:
            nonlocal room
            if room <= 0:
                raise OSError(28, "No space left on device")
            written = write(descriptor, data[:room])
            room -= written
            return written

        monkeypatch.setattr("nas.engine.logfile.os.write", limited)
        with EventLog(tmp_path / "log", "toy") as log:
            log.finished(STUDY, "first")
            room = 20  # the next line is written in part
            log.finished(STUDY, "second")
            log.finished(STUDY, "third")
            room = 10_000
            log.finished(STUDY, "fourth")
        lines = (tmp_path / "log").read_text().splitlines()
        whole = [json.loads(line) for line in (lines[0], *lines[2:])]
        assert [event["event"] for event in whole] == [
            "session.finished",
            "log.gap",
            "session.finished",
        ]
        # the second, the warning about it, and the third
        assert whole[1]["lines"] == 3
        assert whole[2]["reason"] == "fourth"
        assert sum(record.name == "nas.engine.logfile" for record in caplog.records) == 1

"""What a strategy knows at each proposal is the same in a search that was interrupted."""

from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from races import decided, race, run
from toys import rows

import nas
from nas.abstract.scheduler import Standing
from nas.engine.courses import Track
from nas.engine.same_failure import SameFailure
from nas.engine.timeline import Timeline


@pytest.mark.parametrize("lines", [20, 40])
def test_who_is_turned_away_is_told_at_the_same_moment(tmp_path: Path, lines: int) -> None:
    log = tmp_path / "log"
    values = race(
        objectives=["racers:error", {"name": "racers:pace", "min": 3}],
        strategy={"name": "nsga2", "population": 4},
        scheduler="cut",
        evaluator={"log": str(log), "seconds": 0.01},
    )

    def interrupt() -> None:
        while not log.exists() or len(log.read_text().splitlines()) < lines:
            time.sleep(0.005)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    parts, whole = tmp_path / "parts.db", tmp_path / "whole.db"
    assert run(values, parts).interrupted
    run(values, parts)
    run(race(**{**values, "evaluator": {}}), whole)
    assert rows(whole, "SELECT count(*) FROM trials WHERE status = 'infeasible'")[0][0] > 5
    assert decided(parts) == decided(whole)


def trial(number: int) -> nas.Trial:
    return nas.Trial(number, nas.Architecture({}), nas.Status.PAUSED)


def test_runs_that_end_together_are_told_together() -> None:
    timeline = Timeline(3)
    tracks = [Track(number, (nas.Goal("error"),), 9, {}) for number in range(3)]
    for track in tracks:
        timeline.begin(track, (2,))
    assert timeline.due(3, 3) is None

    def end(number: int, step: int) -> None:
        track = tracks[number]
        track.heard([nas.CurvePoint(s, {"error": 1.0}) for s in range(1, step + 1)], {})
        track.rule(nas.Ruling(step, "pause", ""))
        track.end(Standing.PAUSED)
        timeline.ended(trial(number))

    end(2, 2)
    assert timeline.due(3, 2) is None, "others may end as early"
    end(1, 4)
    assert timeline.due(3, 1) is None
    end(0, 2)
    told: list[Any] = timeline.due(3, 0) or []
    assert [t.number for t in told] == [0, 2]
    assert timeline.due(3, 0) == [], "two virtual workers are free"
    assert [t.number for t in timeline.next_end() or []] == [1]


def test_what_is_paused_has_not_failed_in_the_same_way() -> None:
    failing = SameFailure()
    failing.tell(trial(0))
    failure = nas.Failure("error", "always")
    for number in range(1, 20):
        failing.tell(replace(trial(number), status=nas.Status.FAILED, failure=failure))
    failing.check_end()
    with pytest.raises(nas.StudyError, match="all 20 trials failed in the same way"):
        failing.tell(replace(trial(0), status=nas.Status.FAILED, failure=failure))

"""What a strategy knows at each proposal is the same in a search that was interrupted."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from interruptions import handles, interrupt_after
from races import decided, race, run
from toys import rows

import nas
from nas.abstract.scheduler import Standing
from nas.engine.courses import Track
from nas.engine.same_failure import SameFailure
from nas.engine.timeline import NotYetKnown, Timeline


@handles
@pytest.mark.parametrize("lines", [20, 40])
def test_who_is_turned_away_is_told_at_the_same_moment(tmp_path: Path, lines: int) -> None:
    log = tmp_path / "log"
    values = race(
        objectives=["racers:error", {"name": "racers:pace", "min": 3}],
        strategy={"name": "nsga2", "population": 4},
        scheduler="cut",
        evaluator={"log": str(log), "seconds": 0.01},
    )

    interrupt_after(log, lines)
    parts, whole = tmp_path / "parts.db", tmp_path / "whole.db"
    assert run(values, parts).interrupted
    run(values, parts)
    run(race(**{**values, "evaluator": {}}), whole)
    assert rows(whole, "SELECT count(*) FROM trials WHERE status = 'infeasible'")[0][0] > 5
    assert decided(parts) == decided(whole)


def trial(number: int) -> nas.Trial:
    return nas.Trial(number, nas.Architecture({}), nas.Status.PAUSED)


def reported(track: Track, step: int) -> None:
    track.heard([nas.CurvePoint(s, {"error": 1.0}) for s in range(1, step + 1)], {})


def begun(timeline: Timeline, count: int, asks: tuple[int, ...] = (2,)) -> list[Track]:
    tracks = [Track(number, (nas.Goal("error"),), 9, {}) for number in range(count)]
    for track in tracks:
        timeline.begin(track, asks)
    return tracks


class TestTimeline:
    def test_runs_that_end_together_are_told_together(self) -> None:
        timeline = Timeline(6, 3)
        tracks = begun(timeline, 6)
        assert [track.run.began for track in tracks] == [0.0] * 3 + [math.inf] * 3

        def end(number: int, step: int) -> None:
            reported(tracks[number], step)
            tracks[number].rule(nas.Ruling(step, "pause", ""))
            tracks[number].end(Standing.PAUSED)
            timeline.ended(trial(number))

        assert timeline.due(6, 6) is None
        end(2, 2)
        assert timeline.due(6, 5) is None, "others may end as early"
        end(1, 4)
        assert timeline.due(6, 4) is None
        end(0, 2)
        told: list[Any] = timeline.due(6, 3) or []
        assert [t.number for t in told] == [0, 2]
        assert [track.run.began for track in tracks] == [0.0] * 3 + [2.0, 2.0, math.inf]
        assert timeline.due(6, 3) == timeline.due(7, 4) == [], "two places are free"
        assert timeline.next_end() is None, "3 and 4 may end before 1"

    def test_a_decision_waits_until_it_is_known_when_its_run_began(self) -> None:
        timeline = Timeline(4, 2)
        tracks = begun(timeline, 4)
        reported(tracks[2], 2)
        with pytest.raises(NotYetKnown):
            timeline.at(tracks[2], 2)
        for number in (0, 1):
            reported(tracks[number], 5)
            tracks[number].rule(nas.Ruling(2, "stop", ""))
            tracks[number].end(Standing.STOPPED)
            timeline.ended(trial(number))
        assert timeline.at(tracks[2], 2) == (2, 4.0)

    def test_who_is_beyond_a_level_is_not_waited_for(self) -> None:
        timeline = Timeline(2, 2)
        first, second = begun(timeline, 2, ())
        reported(first, 3)
        before, at = timeline.at(second, 7)
        with pytest.raises(NotYetKnown):
            timeline.check_known(before, at)
        timeline.check_reached(3, before, at)
        timeline.check_reached(8, before, at)
        timeline.check_complete(before, at)
        with pytest.raises(NotYetKnown):
            timeline.check_reached(4, before, at)
        with pytest.raises(NotYetKnown):
            timeline.check_complete(before, 9.0)
        timeline.check_reached(4, 0, at)

    @given(
        st.integers(1, 9),
        st.integers(1, 9),
        st.lists(st.integers(1, 9), min_size=1, max_size=25),
        st.lists(st.integers(0, 99), min_size=400, max_size=400),
    )
    def test_speed_changes_nothing(
        self, window: int, workers: int, lengths: list[int], pace: list[int]
    ) -> None:
        """Whichever run a real worker comes to report next, the history is that of one worker."""
        timeline = partial(Timeline, window, min(window, workers))
        assert history(timeline(), lengths, pace) == history(timeline(), lengths, [0] * 400)


def history(timeline: Timeline, lengths: list[int], pace: list[int]) -> Any:
    """Return what was told before each run, and when that began in virtual time.

    Args:
        timeline: a new one.
        lengths: of the runs, in steps.
        pace: which of the runs in flight reports next, time and again.
    """
    told: list[list[int]] = []
    flying: list[Track] = []
    tracks: list[Track] = []
    for turn in [*pace, *[0] * 400]:
        while len(tracks) < len(lengths) and (due := timeline.due(len(tracks), 0)) is not None:
            told.append([t.number for t in due])
            track = Track(len(tracks), (nas.Goal("error"),), 9, {})
            timeline.begin(track, ())
            tracks.append(track)
            flying.append(track)
        if not flying:
            break
        track = flying[turn % len(flying)]
        reported(track, track.step + 1)
        with suppress(NotYetKnown):
            timeline.at(track, track.step)
        if track.step == lengths[track.number]:
            track.end(Standing.COMPLETE if track.step == 9 else Standing.FAILED)
            track.run.last = track.step
            timeline.ended(trial(track.number))
            flying.remove(track)
    while (ended := timeline.next_end() if len(told) else None) is not None:
        told.append([t.number for t in ended])
        if sum(map(len, told)) == len(lengths):
            break
    return told, [track.run.began for track in tracks]


def test_what_is_paused_has_not_failed_in_the_same_way() -> None:
    failing = SameFailure()
    failing.tell(trial(0))
    failure = nas.Failure("error", "always")
    for number in range(1, 20):
        failing.tell(replace(trial(number), status=nas.Status.FAILED, failure=failure))
    failing.check_end()
    with pytest.raises(nas.StudyError, match="all 20 trials failed in the same way"):
        failing.tell(replace(trial(0), status=nas.Status.FAILED, failure=failure))

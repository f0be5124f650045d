"""What a decision knows of other trials, and that it waits for no more than that."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from races import decided, race, run

import nas
from nas.engine.board import KnownPeers
from nas.engine.timeline import NotYetKnown


@pytest.mark.parametrize("scheduler", ["cut", "shelve"])
@pytest.mark.parametrize("order", ["number", "completion"])
def test_what_is_kept_at_levels_is_what_whole_courses_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheduler: str, order: str
) -> None:
    at, checked = KnownPeers.at, []

    def compared(self: KnownPeers, level: int) -> nas.Level:
        found, naive = at(self, level), nas.Peers(self.courses, 1)
        for kept, slow in ((found, naive.at(level)), (self.complete, naive.complete)):
            assert kept.numbers.tolist() == slow.numbers.tolist()
            assert kept.losses.tolist() == slow.losses.tolist()
            assert kept.violations.tolist() == slow.violations.tolist()
        for number in found.numbers.tolist()[-2:]:
            kept, slow = self._course_to(number, level), naive.course_to(number, level)
            assert (kept.steps, kept.losses.tolist()) == (slow.steps, slow.losses.tolist())
        checked.append(len(found.numbers))
        return found

    monkeypatch.setattr(KnownPeers, "at", compared)
    executor = {"executor": "simulated", "workers": 5}
    run(race(scheduler=scheduler, order=order, window=6, run=executor), tmp_path / "a.db")
    assert max(checked) > 10


@pytest.mark.parametrize(
    "scheduler", ["cut", {"name": "asha", "factor": 2}, {"name": "median", "trials": 2}]
)
def test_a_decision_does_not_wait_for_what_it_does_not_ask_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheduler: Any
) -> None:
    at, early = KnownPeers.at, []

    def noted(self: KnownPeers, level: int) -> nas.Level:
        found = at(self, level)
        try:
            self._timeline.check_known(*self._known)
        except NotYetKnown:
            early.append((self._board, (level, *self._known, self._but), found))
        return found

    monkeypatch.setattr(KnownPeers, "at", noted)
    values = race(scheduler=scheduler, window=10, evaluator={"uneven": True})
    simulated = {"executor": "simulated", "workers": 5}
    run({**values, "run": simulated}, tmp_path / "a.db")
    assert len(early) > 10
    for board, asked, found in early:
        later = board.at(*asked)
        assert found.numbers.tolist() == later.numbers.tolist()
        assert found.losses.tolist() == later.losses.tolist()
    run(values, tmp_path / "one_by_one.db")
    assert decided(tmp_path / "a.db") == decided(tmp_path / "one_by_one.db")


def test_what_was_known_when_a_trial_began_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    early: list[tuple[KnownPeers, list[Any]]] = []

    def noted(self: KnownPeers) -> tuple[nas.Course, ...]:
        found = tuple(self._find(self._known[0], self._began))
        try:
            self._timeline.check_known(*self._known)
        except NotYetKnown:
            early.append((self, told(found)))
        return found

    def told(courses: Sequence[nas.Course]) -> list[Any]:
        return [(c.number, c.steps, c.standing, c.losses.tolist()) for c in courses]

    monkeypatch.setattr(KnownPeers, "at_start", property(noted))
    predictor = {"name": "curve_bank", "size": 2_000, "particles": 64}
    values = race(
        scheduler={"name": "curve", "predictor": predictor},
        window=10,
        evaluator={"uneven": True},
    )
    simulated = {"executor": "simulated", "workers": 5}
    run({**values, "run": simulated}, tmp_path / "a.db")
    assert len(early) > 10
    for peers, found in early:
        assert found == told(tuple(peers._find(peers._known[0], peers._began)))
    run(values, tmp_path / "one_by_one.db")
    assert decided(tmp_path / "a.db") == decided(tmp_path / "one_by_one.db")
    assert {row[2] for row in decided(tmp_path / "a.db")} >= {"complete", "stopped"}


def test_a_curve_up_to_a_level_has_nothing_beyond_it() -> None:
    curves = {3: ((1, 2, 5, 6), [0.9, 0.8, 0.5, 0.4]), 7: ((1, 2), [0.7, 0.6])}
    courses = [
        nas.Course(number, steps, np.array(losses)[:, None], np.zeros(len(steps)))
        for number, (steps, losses) in curves.items()
    ]
    peers = nas.Peers(courses, objectives=1)
    found = peers.course_to(3, 4)
    assert (found.number, found.steps, found.standing) == (3, (1, 2, 5), nas.Standing.RUNNING)
    assert found.losses[:, 0].tolist() == [0.9, 0.8, 0.5]
    assert found.violations.tolist() == [0.0, 0.0, 0.0]
    with pytest.raises(KeyError, match="trial 7 has not reached step 4"):
        peers.course_to(7, 4)
    with pytest.raises(KeyError, match="trial 5 has not reached step 1"):
        peers.course_to(5, 1)

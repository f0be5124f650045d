"""Schedulers that each break one law: the one that they are named after."""

from __future__ import annotations

import itertools

import numpy as np

import nas
from nas import Decision, Verdict

_CALLS = itertools.count()


class Good(nas.Scheduler):
    """Stops what is worse than half of the others; breaks nothing."""

    contest = None

    def start(self, contest):
        self.contest = contest

    def levels(self):
        return nas.geometric_levels(1, 3, self.contest.budget)

    def judge(self, course, peers):
        if self.contest is None:
            raise nas.StudyError("call start(contest) first")
        level = max((s for s in self.levels() if s <= course.step), default=1)
        return self.rule(course.losses[-1][0], peers.at(level).losses[:, 0], course)

    def rule(self, loss, others, course):
        others = others[np.isfinite(others)]
        worse = not np.isfinite(loss) or (len(others) > 0 and loss > np.median(others))
        verdict = Verdict.STOP if worse else Verdict.CONTINUE
        return Decision(verdict, f"{loss:g} among {len(others)}")


class Late(Good):
    def levels(self):
        return (*super().levels(), self.contest.budget)


class Whimsical(Good):
    def rule(self, loss, others, course):
        found = super().rule(loss, others, course)
        return Decision(found.verdict, f"{found.reason}, call {next(_CALLS)}")


class Keeps(Good):
    studies = 0

    def start(self, contest):
        super().start(contest)
        self.studies += 1

    def rule(self, loss, others, course):
        found = super().rule(loss, others, course)
        return Decision(found.verdict, found.reason + " again" * (self.studies > 1))


class Backwards(Good):
    def rule(self, loss, others, course):
        best = len(others) > 2 and loss < others.min()
        found = super().rule(loss, others, course)
        return Decision(Verdict.STOP, "1 too good") if best else found


class Hopeful(Good):
    def rule(self, loss, others, course):
        found = super().rule(loss, others, course)
        return found if np.isfinite(loss) else Decision(Verdict.CONTINUE, "0 known")


class Silent(Good):
    def rule(self, loss, others, course):
        return Decision(super().rule(loss, others, course).verdict, "")


class Unprepared(Good):
    def judge(self, course, peers):
        if self.contest is None:
            return Decision(Verdict.CONTINUE, "0 known")
        return super().judge(course, peers)


class Global(Good):
    def rule(self, loss, others, course):
        np.random.random()
        return super().rule(loss, others, course)


class Pauses(Good):
    def judge(self, course, peers):
        if len(self.contest.goals if self.contest else ()) > 1 and course.violations[-1] > 0:
            return Decision(Verdict.PAUSE, "1 bound is broken")
        return super().judge(course, peers)


class Sorts(Good):
    def judge(self, course, peers):
        if self.contest is not None and peers.courses:
            peers.at(1).losses.sort(axis=0)
        return super().judge(course, peers)


@nas.hookimpl
def nas_schedulers():
    broken = {
        "levels-are-steps-below-the-budget": Late,
        "a-decision-follows-from-its-arguments": Whimsical,
        "start-forgets": Keeps,
        "the-best-goes-on": Backwards,
        "a-diverged-trial-ends": Hopeful,
        "says-why": Silent,
        "must-be-started": Unprepared,
        "leaves-random-state": Global,
        "whatever-trials-report": Pauses,
        "leaves-its-arguments": Sorts,
    }
    return [nas.Component(name, build, "broken") for name, build in broken.items()]

"""Strategies that each break one law: the one that they are named after."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace

import nas

_CALLS = itertools.count()


class Good(nas.Strategy):
    """Mutates the best of the trials so far; breaks nothing."""

    problem = None

    def start(self, problem):
        self.problem, self.best, self.parents = problem, None, ()
        self.trials = 0

    def ask(self, rng):
        if self.problem is None:
            raise nas.StudyError("call start(problem) first")
        space = self.problem.space
        if self.best is None:
            return nas.Proposal(space.sample(rng))
        return nas.Proposal(space.mutate(self.best[1], rng), self.parents)

    def tell(self, trial):
        self.trials += 1
        if trial.losses and (self.best is None or trial.losses < self.best[0]):
            self.best = trial.losses, trial.architecture
            self.parents = (trial.number,) if trial.number >= 0 else ()


class Foreign(Good):
    """In a large space it proposes what is no member."""

    def ask(self, rng):
        found = super().ask(rng)
        if self.trials == 9 and len(found.architecture) == 30:
            return nas.Proposal(nas.Architecture({"d0": "nothing"}))
        return found


class Moody(Good):
    def ask(self, rng):
        super().ask(rng)
        return nas.Proposal(self.problem.space.sample(random.Random(next(_CALLS))))


class Keeps(Good):
    def start(self, problem):
        kept = getattr(self, "best", None)
        super().start(problem)
        self.best = kept


class Global(Good):
    def ask(self, rng):
        random.random()
        return super().ask(rng)


class Picky(Good):
    def ask(self, rng):
        super().ask(rng)
        rng.randrange(3)
        return super().ask(rng)


class Eager(Good):
    def ask(self, rng):
        return nas.Proposal(nas.Architecture({})) if self.problem is None else super().ask(rng)


class Discouraged(Good):
    failures = 0

    def tell(self, trial):
        super().tell(trial)
        self.failures = self.failures + 1 if trial.status is nas.Status.FAILED else 0
        if self.failures > 5:
            raise RuntimeError("nothing works")


class Divides(Good):
    seen = 0

    def start(self, problem):
        super().start(problem)
        self.known = []

    def tell(self, trial):
        super().tell(trial)
        self.known += trial.losses
        if len(self.known) > 5:
            1 / (max(self.known) - min(self.known))


class Adopted(Good):
    def tell(self, trial):
        super().tell(trial)
        if self.best and self.best[1] == trial.architecture:
            self.parents = (max(trial.number, 0),)


class Patient(Good):
    """Pauses trials after every second step; breaks nothing."""

    pauses = True

    def start(self, problem):
        super().start(problem)
        self.waiting = {}

    def resume(self, rng, begins):
        if not self.waiting or (begins and rng.random() < 0.5):
            return None
        number = min(self.waiting)
        return nas.Promotion(number, self.reason(number), self.waiting.pop(number) + 2)

    def reason(self, number):
        return f"trial {number} has waited for longest"

    def ask(self, rng):
        return replace(super().ask(rng), until=2)

    def tell(self, trial):
        super().tell(trial)
        if trial.status is nas.Status.PAUSED:
            self.waiting[trial.number] = trial.curve[-1].step


class Hasty(Patient):
    def resume(self, rng, begins):
        if begins and rng.random() < 0.3:
            return nas.Promotion(self.trials + 100, "it will be good")
        return super().resume(rng, begins)


class Forsakes(Patient):
    def resume(self, rng, begins):
        return super().resume(rng, begins) if begins else None


class Taciturn(Patient):
    def reason(self, number):
        return ""


@nas.hookimpl
def nas_strategies():
    broken = {
        "proposes-members": Foreign,
        "the-same-calls-give-the-same-proposals": Moody,
        "start-forgets": Keeps,
        "leaves-random-state": Global,
        "takes-either-generator": Picky,
        "must-be-started": Eager,
        "survives-failures": Discouraged,
        "survives-ties": Divides,
        "learns-from-earlier-studies": Adopted,
        "what-goes-on-waits": Hasty,
        "finishes-what-it-began": Forsakes,
        "says-why-one-goes-on": Taciturn,
    }
    return [nas.Component(name, build, "broken") for name, build in broken.items()]

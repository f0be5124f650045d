"""Ranking candidates by zero-cost proxies."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from nas.abstract.space import Space
from nas.architecture import Architecture
from nas.archive.record import Score
from nas.engine.proxy_tree import Leaf, Tree, values
from nas.engine.scoring import Verdict
from nas.errors import CandidateError
from nas.trial import Trial
from nas.zero_cost import ZeroCost


class ProxyMemory:
    """Every proxy's score of every architecture, computed once.

    Args:
        scores: computes them.
        space: where architectures are from.
        known: scores from an earlier session.
    """

    def __init__(self, scores: ZeroCost, space: Space, known: Iterable[Score] = ()) -> None:
        self._scores, self._space = scores, space
        self.names = scores.names
        scorers = set(map(scorer_of, self.names))
        self.attend: Callable[[], None] = lambda: None
        """Is called before each network that is scored, which takes its time."""
        self._known: dict[Architecture, dict[str, Score]] = {}
        for score in known:
            if score.scorer in scorers:
                self._known.setdefault(score.architecture, {})[score.scorer] = score

    def scores(self, architecture: Architecture) -> list[Score]:
        """Return a score by each proxy, in the order of ``names``."""
        known = self._known.get(architecture, {})
        if len(known) < len(self.names):
            self.attend()
            known = self._compute(architecture)
            self._known[architecture] = known
        return [known[scorer_of(name)] for name in self.names]

    def _compute(self, architecture: Architecture) -> dict[str, Score]:
        canonical_id = self._space.canonical_id(architecture)
        return {
            scorer_of(name): _archived(scorer_of(name), architecture, canonical_id, found)
            for name, found in self._scores.score(architecture).items()
        }


class ProxyScorer:
    """Scores networks at initialisation, by one proxy or an aggregate of several.

    An aggregate ranks candidates among all that were scored before them, in the order of proposals;
    so the same study ranks in the same way whenever it goes on.

    Args:
        tree: what scores.
        memory: of the proxies in it.
    """

    def __init__(self, tree: Tree, memory: ProxyMemory) -> None:
        self._tree, self._memory = tree, memory
        self._place: dict[Architecture, int] = {}
        self._ranked: dict[str, list[float]] = {name: [] for name in memory.names}

    def ready(self) -> bool:
        """A proxy needs no trials."""
        return True

    def tell(self, trial: Trial) -> None:
        """A proxy learns nothing."""

    def score(self, candidates: Sequence[Architecture]) -> list[Verdict]:
        """Score each candidate, from memory where it was scored before."""
        scored = [self._memory.scores(architecture) for architecture in candidates]
        if isinstance(self._tree, Leaf):
            return [Verdict(scores[0].value, tuple(scores)) for scores in scored]
        for architecture, scores in zip(candidates, scored, strict=True):
            self._rank(architecture, scores)
        together = values(self._tree, self._ranked)
        return [
            self._verdict(scores, float(together[self._place[architecture]]))
            for architecture, scores in zip(candidates, scored, strict=True)
        ]

    def _verdict(self, scores: list[Score], together: float) -> Verdict:
        first = scores[0]
        unknown = all(score.value is None for score in scores)
        value, failure = (None, first.failure) if unknown else (together, None)
        scorer = scorer_of(self._tree.name)
        of_all = Score(scorer, first.architecture, first.canonical_id, value, failure)
        return Verdict(value, (of_all, *scores))

    def _rank(self, architecture: Architecture, scores: Sequence[Score]) -> None:
        if architecture not in self._place:
            self._place[architecture] = len(self._place)
            for name, score in zip(self._memory.names, scores, strict=True):
                self._ranked[name].append(math.nan if score.value is None else score.value)


def scorer_of(name: str) -> str:
    """Return what the archive calls a proxy that scored."""
    return f"proxy:{name}"


def _archived(
    scorer: str, architecture: Architecture, canonical_id: str, found: float | Exception
) -> Score:
    if not isinstance(found, Exception):
        return Score(scorer, architecture, canonical_id, found)
    why = str(found) if isinstance(found, CandidateError) else repr(found)
    return Score(scorer, architecture, canonical_id, None, why)

"""Evaluations that the archive holds already: the same network, evaluated in the same way."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from nas.archive.earlier import Earlier
from nas.archive.writer import Writer
from nas.engine.candidate import Candidate
from nas.study import Study

SEED_POLICY = "a seed for each trial, from the study's seed and the trial's number"
"""Any of them is as good as another; a policy that repeats seeds would be another evaluation."""


def evaluation_digest(parts: dict[str, Any]) -> str:
    """Return 20 hexadecimal digits for everything an evaluation depends on but the architecture.

    Args:
        parts: plain JSON values: space, evaluator, budget, fingerprint of the data, what is
            measured; each component with parameters, distribution and version.
    """
    text = json.dumps({**parts, "seeds": SEED_POLICY}, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=10).hexdigest()


class Reuse:
    """Looks candidates up among all studies of the archive that evaluate in the same way.

    Args:
        writer: of the archive.
        study: as archived.
        budget: what an evaluation spends.
        exact: ask for the same decisions, not only the same network: what is measured, such as a
            latency, depends on dead branches too.
    """

    def __init__(self, writer: Writer, study: Study, budget: int | None, *, exact: bool) -> None:
        self._writer, self._study, self._budget = writer, study, budget
        self._exact = exact

    def find(self, candidate: Candidate) -> Earlier | None:
        """Return the first complete trial that answers the candidate, or None."""
        architecture = candidate.proposal.architecture if self._exact else None
        return self._writer.evaluated_before(
            self._study, candidate.canonical_id, architecture, self._budget
        )

"""What trials have achieved while they were trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nas.errors import StudyError
from nas.goals import Goal
from nas.trial import CurvePoint, Trial


def metrics_at(
    trial: Trial, point: CurvePoint, goals: Sequence[Goal], strategy: str
) -> Mapping[str, float]:
    """Return what was known of a trial at a point of its curve, every objective among it.

    Raises:
        StudyError: an objective is not; ``strategy`` is named as the one who needs it.
    """
    known = {**trial.metrics, **point.metrics}
    unknown = [goal.metric for goal in goals if goal.metric not in known]
    if unknown:
        raise StudyError(
            f"{strategy} goes by what networks achieve while they are trained, but at step "
            f"{point.step} of trial {trial.number} nothing was reported of {', '.join(unknown)}: "
            "leave it out of the objectives"
        )
    return known

"""From an archived trial to what an exporter is given."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from nas.archive.artifacts import WEIGHTS
from nas.errors import ArchiveError, CandidateError, ComponentError

if TYPE_CHECKING:
    import torch

    from nas.abstract.exporter import Exporter, FoundNetwork
    from nas.abstract.space import Space
    from nas.archive.details import TrialDetails
    from nas.archive.reader import Archive
    from nas.plugins import Plugins
    from nas.trial import Trial


def build_exporter(name: str, parameters: Mapping[str, Any], plugins: Plugins | None) -> Exporter:
    """Build an exporter by name. Raises ``ComponentError`` as plugins do."""
    from nas.abstract.exporter import Exporter
    from nas.plugins import Plugins

    built = (plugins or Plugins()).build("exporter", name, **parameters)
    if not isinstance(built, Exporter):
        raise ComponentError(
            f"exporter {name!r} builds a {type(built).__name__}, which is no nas.Exporter"
        )
    return built


def found_network(
    archive: Archive,
    trial_id: int,
    *,
    untrained: bool,
    needs_weights: bool,
    plugins: Plugins | None,
) -> FoundNetwork:
    """Return the network of a trial and where it comes from.

    Args:
        archive: it is in.
        trial_id: of the trial.
        untrained: take the weights that its training began with, whatever is archived.
        needs_weights: whether those will do where no others are archived.
        plugins: those to build the space with; by default, the installed ones.

    Raises:
        ArchiveError: there is no such trial, or it has no weights and needs them.
        CandidateError: its network cannot be built.
        ComponentError: no plugin offers its space.
    """
    from nas.abstract.exporter import FoundNetwork

    trial, details = archive.trial(trial_id), archive.details(trial_id)
    space = archive.space(details.study, plugins=plugins)
    architecture = space.architecture(trial.architecture)
    kept = any(artifact.kind == WEIGHTS for artifact in details.artifacts)
    if untrained or not (kept or needs_weights):
        network, trained = _initial(space, trial), False
    else:
        network, trained = _trained(archive, trial_id, kept, plugins), True
    provenance = _provenance(archive, trial, details, space, network)
    return FoundNetwork(space, architecture, network, {**provenance, "trained": trained})


def _trained(
    archive: Archive, trial_id: int, kept: bool, plugins: Plugins | None
) -> torch.nn.Module:
    try:
        return archive.load_model(trial_id, plugins=plugins)
    except ArchiveError as error:
        if kept:
            raise
        raise ArchiveError(
            f"{error}; --untrained (untrained=True) exports the weights that training began with"
        ) from None


def _initial(space: Space, trial: Trial) -> torch.nn.Module:
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(trial.seed)
        try:
            network = space.build(space.architecture(trial.architecture))
        except Exception as error:  # a space is a plugin: its code can raise anything
            raise CandidateError(
                f"the network of trial {trial.id} cannot be built: {type(error).__name__}: {error}"
            ) from error
    return network.eval()


def _provenance(
    archive: Archive,
    trial: Trial,
    details: TrialDetails,
    space: Space,
    network: torch.nn.Module,
) -> dict[str, Any]:
    import torch

    from nas import __version__
    from nas.normalise import parted

    study = archive.study(details.study)
    record = next(c for c in archive.components(study) if c.role == "space")
    return {
        "archive": archive.path.name,
        "study": study.name,
        "trial": trial.id,
        "number": trial.number,
        "seed": trial.seed,
        "status": str(trial.status),
        "budget": trial.budget,
        "metrics": {name: _plain(value) for name, value in trial.metrics.items()},
        "objectives": [
            {"metric": goal.metric, "direction": goal.direction, "unit": goal.unit}
            for goal in study.goals
        ],
        "space": {k: v for k, v in asdict(record).items() if k != "role"},
        "architecture": details.text,
        "decisions": dict(trial.architecture),
        "canonical_id": details.canonical_id,
        "input_shape": list(space.input_shape),
        "classes": space.classes,
        "normalises": parted(network)[0] is not None,
        "nas": __version__,
        "torch": str(torch.__version__),
    }


def _plain(value: float) -> float | str:
    """JSON has no number for what is not finite."""
    return value if math.isfinite(value) else str(value)

"""The networks of an archive: their space, and those whose weights are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nas.archive import rows
from nas.archive.artifacts import WEIGHTS, Artifacts
from nas.archive.reading import Reading
from nas.errors import ArchiveError
from nas.study import Study

if TYPE_CHECKING:
    import torch

    from nas.abstract.space import Space
    from nas.plugins import Plugins


class ReadingNetworks(Reading):
    """A reader that builds spaces and networks."""

    def space(self, study: Study | str | None = None, *, plugins: Plugins | None = None) -> Space:
        """Build a study's space.

        Args:
            study: which one.
            plugins: those to build it with; by default, the installed ones. A space from a plugin
                file needs ``Plugins([PluginFile.read(path)])``.

        Raises:
            ComponentError: no plugin offers the space, or not with these parameters.
        """
        from nas.archive.models import build_space

        with self._study(study) as (connection, found):
            components = rows.components_of(connection, found)
        return build_space(components, plugins)

    def load_model(self, trial_id: int, *, plugins: Plugins | None = None) -> torch.nn.Module:
        """Return the trained network of a trial, on the CPU and in evaluation mode.

        It takes raw inputs, ``(batch, *space.input_shape)``, and returns ``(batch, classes)``
        logits. Weights are kept for the trials on the front, unless the config says otherwise.

        Raises:
            ArchiveError: there are no weights of this trial, they are damaged, or they do not fit
                the network that the space builds.
            ComponentError: as ``space``.
        """
        from nas.archive.models import load_network

        with self._trial(trial_id) as (connection, study):
            trial = rows.trials_by_id(connection, {study.id: study.goals}, [trial_id])[0]
            kept = [a for a in rows.artifacts_of(connection, trial_id) if a.kind == WEIGHTS]
            if not kept:
                with_weights = rows.trials_with(connection, study, WEIGHTS)
                complete = study.config.get("weights") == "all"
                whose = "complete trials" if complete else "trials on the front"
                raise ArchiveError(
                    f"trial {trial_id} has no weights: they are kept for {whose} only; "
                    f"study {study.name!r} has those of {_some(with_weights)}"
                )
        space = self.space(study, plugins=plugins)
        content = Artifacts(self.path).read(kept[0].sha256)
        return load_network(space, trial.architecture, content, f"trial {trial_id}")


def _some(ids: list[int], most: int = 8) -> str:
    shown = ", ".join(map(str, ids[:most]))
    return (f"{shown}, ..." if len(ids) > most else shown) or "none"

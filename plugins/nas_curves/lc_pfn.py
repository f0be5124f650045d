"""Curve prediction by a network that was trained on curves of a prior."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nas.abstract.learning_curve import (
    CurvePosterior,
    CurvePrior,
    CurveTraining,
    TrainableCurvePredictor,
)
from nas_curves.anchors import Anchor, Floats
from nas_curves.binned import BinnedPosterior, Bins
from nas_curves.pace import Pace
from nas_curves.threads import side_by_side

if TYPE_CHECKING:
    from nas_curves.network import CurveTransformer, Shape

SHIPPED = "lc_pfn.safetensors"
"""The network that comes with the package."""
_AT_ONCE = 64
"""Curves that are predicted together: what they need fits into the cache."""
_ANCHORS = 8
"""Numbers of epochs whose anchors are kept."""
_WEIGHTS = "network."


class _Model(NamedTuple):
    """What is saved."""

    network: CurveTransformer
    shape: Shape
    bins: Bins


@dataclass(eq=False, kw_only=True)
class LCPFN(TrainableCurvePredictor):
    """A prior-data fitted network: from a partial curve to a posterior in one forward pass.

    A transformer (Adriaensen et al. 2023, https://arxiv.org/abs/2310.20447; Mueller et al. 2022,
    https://arxiv.org/abs/2112.10510) that was trained on nothing but curves drawn from a prior.
    Ours differs from the published one so that it can be trained in minutes on a laptop: it sees
    and predicts curves relative to a normal approximation of ``domhan3`` (see ``anchors``), and
    answers questions after any number of steps in one pass over a curve. Curves of 5 to 200
    epochs are what it was trained on; longer ones are seen at 200 evenly spaced moments.

    Args:
        checkpoint: file that ``nas train-prior`` wrote; the shipped one if empty.
    """

    checkpoint: str = ""
    _trained: _Model | None = field(default=None, init=False, repr=False)
    _anchors: OrderedDict[int, Anchor] = field(default_factory=OrderedDict, init=False, repr=False)
    sizes = ("small", "tiny", "medium")

    @cached_property
    def facts(self) -> Mapping[str, str]:
        """What the checkpoint says about itself, such as the command that made it.

        Raises:
            ValueError: there is no such file, or it is no checkpoint of this predictor.
        """
        from safetensors import SafetensorError, safe_open

        try:
            with self._file() as path, safe_open(path, framework="np") as file:
                facts: dict[str, str] = file.metadata() or {}
        except (OSError, SafetensorError) as error:
            raise ValueError(f"cannot read the checkpoint {self.checkpoint!r}: {error}") from error
        missing = [name for name in ("shape", "tails") if name not in facts]
        if missing:
            raise ValueError(
                f"{self.checkpoint!r} is no checkpoint of lc_pfn: it does not say {missing}; "
                "nas train-prior writes one"
            )
        return facts

    def extrapolate(self, curves: Floats, epochs: int) -> CurvePosterior:
        """Ask the network for every later step."""
        pace = Pace(epochs)
        seen = pace.coarse(curves)
        model, anchor = self._model, self._anchor(pace.moments)
        chunks = [seen[start : start + _AT_ONCE] for start in range(0, len(seen), _AT_ONCE)]
        parts = side_by_side(partial(_answer, model, anchor), chunks)
        shares, centres, scales = (np.concatenate(part) for part in zip(*parts, strict=True))
        later = pace.later(curves.shape[1], seen.shape[1])
        return BinnedPosterior(
            np.arange(curves.shape[1] + 1, epochs + 1),
            model.bins,
            shares[:, later],
            centres[:, later],
            scales[:, later],
        )

    def train(
        self,
        prior: CurvePrior,
        training: CurveTraining,
        told: Callable[[int, float], None],
        interim: Path | None = None,
    ) -> None:
        """Train a network on curves of the prior."""
        from nas_curves.training import Trainer

        trainer = Trainer(prior, training)
        trainer.run(told, interim)
        self._trained = _Model(trainer.network, trainer.shape, trainer.bins)

    def save(self, path: Path, facts: Mapping[str, str]) -> None:
        """Write the network."""
        import torch
        from safetensors.torch import save_file

        model = self._model
        tensors = {_WEIGHTS + k: v for k, v in model.network.state_dict().items()}
        tensors["edges"] = torch.from_numpy(model.bins.edges.copy())
        own = {"shape": json.dumps(model.shape), "tails": json.dumps(model.bins.tails)}
        save_file(tensors, path, {**facts, **own})

    @property
    def _model(self) -> _Model:
        return self._trained if self._trained is not None else self._loaded

    @cached_property
    def _loaded(self) -> _Model:
        import torch
        from safetensors.torch import load_file

        from nas_curves import tokens
        from nas_curves.network import CurveTransformer, Shape

        shape = Shape(*json.loads(self.facts["shape"]))
        if (shape.observed, shape.asked) != (tokens.OBSERVED, tokens.ASKED):
            raise ValueError(
                f"the checkpoint {self.checkpoint!r} was made by another version of lc_pfn; "
                "train it again with nas train-prior"
            )
        with self._file() as path:
            tensors = load_file(path)
        bins = Bins(tensors.pop("edges").numpy(), tuple(json.loads(self.facts["tails"])))
        with torch.random.fork_rng(devices=[]):  # the first weights are drawn, and replaced
            network = CurveTransformer(shape)
        network.load_state_dict({k.removeprefix(_WEIGHTS): v for k, v in tensors.items()})
        return _Model(network.eval(), shape, bins)

    def _file(self) -> Any:
        """Return a context manager that gives the path."""
        return as_file(Path(self.checkpoint) if self.checkpoint else files(__package__) / SHIPPED)

    def _anchor(self, steps: int) -> Anchor:
        if steps not in self._anchors:
            self._anchors[steps] = Anchor(steps)
            while len(self._anchors) > _ANCHORS:
                self._anchors.popitem(last=False)
        self._anchors.move_to_end(steps)
        return self._anchors[steps]


def _answer(model: _Model, anchor: Anchor, curves: Floats) -> tuple[Floats, Floats, Floats]:
    """Return probabilities of the bins, centres and scales at all later steps."""
    import torch

    from nas_curves import tokens

    seen = curves.shape[1]
    steps = np.tile(np.arange(seen + 1, anchor.steps + 1), (len(curves), 1))
    known = anchor.prefixes(curves)
    expected = anchor.expected_after(known)
    asked = tokens.asked(curves, known, anchor, np.full_like(steps, seen), steps, expected)
    with torch.inference_mode():
        logs = model.network(
            torch.from_numpy(tokens.observed(curves, known, anchor)), torch.from_numpy(asked)
        )
        return logs.exp().numpy(), *expected

"""Training of ``lc_pfn``. Needs torch at module level: import it inside functions only."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch  # noqa: TID253  # a torch module; imported inside functions only

from nas.abstract.learning_curve import CurvePrior, CurveTraining
from nas.seeds import derive
from nas_curves import tokens
from nas_curves.anchors import Anchor, Floats, Indices
from nas_curves.binned import Bins
from nas_curves.network import CurveTransformer, Shape
from nas_curves.pace import LONGEST

SIZES = {"small": (64, 3, 2), "tiny": (32, 1, 1), "medium": (96, 4, 3)}
"""Width, layers, and readers; see ``Shape``."""
BINS = 128
_SHORTEST = 5
_USUAL, _USUALLY = 100, 0.4
"""Steps of the published prior's curves, and how often curves have just so many."""
_QUESTIONS = 64
"""Steps that each curve is asked for, each after a number of known steps of its own."""
_CHUNK = 32
"""Updates on curves of one length."""
_RATE, _DECAY, _CLIP = 2e-3, 0.01, 1.0
_WARM = 0.05
"""Share of the updates in which the learning rate grows."""


class Batch(NamedTuple):
    """Curves as the network sees them.

    Args:
        observed: ``(curves, steps, OBSERVED)``.
        asked: ``(curves, questions, ASKED)``.
        last: ``(curves, questions)`` steps known to each question.
        answers: ``(curves, questions)``: what was observed there, standardised.
        scales: ``(curves, questions)`` of the standardisation.
    """

    observed: tokens.Singles
    asked: tokens.Singles
    last: Indices
    answers: Floats
    scales: Floats

    @classmethod
    def draw(cls, curves: Floats, anchor: Anchor, rng: np.random.Generator) -> Batch:
        """Draw questions: half of the cut-offs evenly, half evenly in their logarithm."""
        count, steps = curves.shape
        draws = rng.random((2, count, _QUESTIONS))
        last = 1 + (draws[0] * (steps - 1)).astype(np.int64)
        half = _QUESTIONS // 2
        last[:, half:] = np.exp(draws[0, :, half:] * np.log(steps - 1)).astype(np.int64)
        last = np.clip(last, 1, steps - 1)
        asked = np.minimum(last + 1 + (draws[1] * (steps - last)).astype(np.int64), steps)
        known = anchor.prefixes(curves)
        expected = anchor.expected(known, last, asked)
        found = np.take_along_axis(curves, asked - 1, axis=1)
        return cls(
            tokens.observed(curves, known, anchor),
            tokens.asked(curves, known, anchor, last, asked, expected),
            last,
            (found - expected[0]) / expected[1],
            expected[1],
        )


class Trainer:
    """A network in training.

    Args:
        prior: whose curves are drawn.
        training: how.
    """

    def __init__(self, prior: CurvePrior, training: CurveTraining) -> None:
        self._prior, self._training = prior, training
        self.bins = self._first_bins()
        width, layers, readers = SIZES[training.size]
        self.shape = Shape(tokens.OBSERVED, tokens.ASKED, BINS, width, layers, readers)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive(training.seed, "weights"))
            self.network = CurveTransformer(self.shape)
        self._optimiser = torch.optim.AdamW(self.network.parameters(), _RATE, weight_decay=_DECAY)
        self._done = 0

    def run(self, told: Callable[[int, float], None], interim: Path | None) -> None:
        """Train to the end; keep the state in the interim file after every chunk."""
        if interim is not None and interim.exists():
            self._load(interim)
        self.network.train()
        while self._done < self._training.updates:
            found = [self._update(batch) for batch in self._chunk()]
            told(self._done, float(np.mean(found)))
            if interim is not None:
                self._keep(interim)
        self.network.eval()
        if interim is not None:
            interim.unlink()

    def _chunk(self) -> Iterator[Batch]:
        """Draw curves of one length, as many as the next updates need."""
        rng = np.random.default_rng(derive(self._training.seed, "chunk", self._done))
        steps = _USUAL
        if rng.random() >= _USUALLY:
            steps = round(math.exp(rng.uniform(math.log(_SHORTEST), math.log(LONGEST))))
        anchor = Anchor(steps)
        updates = min(_CHUNK, self._training.updates - self._done)
        each = self._training.curves
        curves = self._prior.sample(updates * each, steps, rng).values
        for start in range(0, len(curves), each):
            yield Batch.draw(curves[start : start + each], anchor, rng)

    def _update(self, batch: Batch) -> float:
        """Make one update; return the mean log-likelihood before it."""
        for group in self._optimiser.param_groups:
            group["lr"] = _RATE * self._pace()
        found, density = self.bins.log_density(batch.answers)
        logs = self.network(
            torch.from_numpy(batch.observed),
            torch.from_numpy(batch.asked),
            torch.from_numpy(batch.last),
        )
        loss = -logs.gather(2, torch.from_numpy(found)[:, :, None]).mean()
        self._optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), _CLIP)
        self._optimiser.step()
        self._done += 1
        return float((density - np.log(batch.scales)).mean() - loss.item())

    def _pace(self) -> float:
        """Return the share of the learning rate: a short rise, then half a cosine."""
        share = self._done / self._training.updates
        if share < _WARM:
            return (self._done + 1) / (_WARM * self._training.updates + 1)
        return 0.5 * (1.0 + math.cos(math.pi * (share - _WARM) / (1.0 - _WARM)))

    def _first_bins(self) -> Bins:
        rng = np.random.default_rng(derive(self._training.seed, "bins"))
        anchor = Anchor(_USUAL)
        curves = self._prior.sample(4_000, _USUAL, rng).values
        return Bins.of(Batch.draw(curves, anchor, rng).answers.ravel(), BINS)

    def _keep(self, interim: Path) -> None:
        from safetensors.torch import save_file

        tensors = {f"network.{k}": v for k, v in self.network.state_dict().items()}
        for index, state in self._optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{index}.{name}": value for name, value in state.items()}
        partial = interim.with_name(interim.name + ".new")
        save_file(tensors, partial, {"done": str(self._done), "of": repr(self._training)})
        partial.replace(interim)

    def _load(self, interim: Path) -> None:
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(interim, framework="pt") as file:
                facts = file.metadata() or {}
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except SafetensorError as error:
            raise ValueError(f"{interim} is no file of a training: {error}") from error
        if facts.get("of") != repr(self._training):
            raise ValueError(f"{interim} is of another training: {facts.get('of')}")
        weights = {k.removeprefix("network."): v for k, v in tensors.items() if k[0] == "n"}
        self.network.load_state_dict(weights)
        state: dict[int, dict[str, torch.Tensor]] = {}
        for name, value in tensors.items():
            if name.startswith("optimiser."):
                _, index, key = name.split(".")
                state.setdefault(int(index), {})[key] = value
        groups = self._optimiser.state_dict()["param_groups"]
        self._optimiser.load_state_dict({"state": state, "param_groups": groups})
        self._done = int(facts["done"])

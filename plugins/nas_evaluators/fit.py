"""The training loop. Data stand on the device as they were found; no loader is in the way."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

import torch  # noqa: TID253  # imported inside Train.evaluate only
from torch.nn import functional  # noqa: TID253

from nas import Checkpoint, NonFiniteError, Report, SearchData, Snapshot
from nas.normalise import Normalise, joined
from nas.seeds import derive
from nas_evaluators.augment import augmented
from nas_evaluators.examination import answers, autocast, on_device, precision
from nas_evaluators.schedule import SCHEDULES
from nas_evaluators.snapshots import restore, take

if TYPE_CHECKING:
    from nas_evaluators.train import Train


class Fit:
    """One training of one network.

    Attributes:
        model: normalisation and network in one; it takes raw inputs.
    """

    def __init__(
        self,
        recipe: Train,
        network: torch.nn.Module,
        data: SearchData,
        *,
        epochs: int,
        seed: int,
        device: torch.device,
    ) -> None:
        self.model = joined(Normalise.of(data.train.inputs), network).to(device)
        self._recipe, self._epochs, self._device = recipe, epochs, device
        self._train, self._validation = (
            on_device(device, part) for part in (data.train, data.validation)
        )
        self._batches = math.ceil(len(data.train) / recipe.batch_size)
        self._order = torch.Generator().manual_seed(derive(seed, "order"))
        self._augmentation = torch.Generator().manual_seed(derive(seed, "augmentation"))
        self._optimizer = _optimizer(recipe, self.model)
        self._precision = precision(recipe, device)
        self._scaler = torch.amp.GradScaler(device.type, enabled=self._precision is torch.float16)
        self._step = 0

    def run(self, report: Report, checkpoint: Checkpoint | None = None) -> dict[str, float]:
        """Train all epochs; return the metrics after the last one, the model in eval mode."""
        every = self._recipe.checkpoint_every if checkpoint else None
        done, seconds = self._resume(checkpoint) if checkpoint else (0, 0.0)
        for epoch in range(done + 1, self._epochs + 1):
            started = self._now()
            train_loss = self._train_epoch(epoch)
            seconds += self._now() - started
            error, loss = self._validate(epoch)
            point = {"error": error, "loss": loss, "train_loss": train_loss}
            report(epoch, point, partial(self._snapshot, epoch, seconds))
            if checkpoint and every and epoch % every == 0 and epoch < self._epochs:
                checkpoint.save(self._snapshot(epoch, seconds))
        return {**point, "train_seconds": seconds}

    @property
    def _generators(self) -> dict[str, torch.Generator]:
        return {"order": self._order, "augmentation": self._augmentation}

    def _snapshot(self, epoch: int, seconds: float) -> Snapshot:
        values = {
            "epoch": epoch,
            "seconds": seconds,
            "step": self._step,
            "scaler": self._scaler.state_dict(),
        }
        return take(self.model, self._optimizer, self._generators, values)

    def _resume(self, checkpoint: Checkpoint) -> tuple[int, float]:
        """Go on from a snapshot, if there is one; return the epochs that are done, and seconds."""
        snapshot = checkpoint.load()
        if snapshot is None:
            return 0, 0.0
        restore(snapshot, self.model, self._optimizer, self._generators)
        self._scaler.load_state_dict(dict(snapshot.values["scaler"]))
        self._step = int(snapshot.values["step"])
        return int(snapshot.values["epoch"]), float(snapshot.values["seconds"])

    def _train_epoch(self, epoch: int) -> float:
        self.model.train()
        inputs, targets = self._train
        order = torch.randperm(len(targets), generator=self._order, device="cpu")
        total = 0.0
        for batch in order.to(self._device).tensor_split(self._batches):
            loss = self._train_step(inputs[batch], targets[batch])
            if not math.isfinite(loss):
                raise NonFiniteError(f"the training loss became {loss} in epoch {epoch}")
            total += loss * len(batch)
        return total / len(targets)

    def _train_step(self, inputs: torch.Tensor, targets: torch.Tensor) -> float:
        recipe = self._recipe
        inputs = augmented(
            inputs, padding=recipe.crop, flip=recipe.flip, generator=self._augmentation
        )
        share = SCHEDULES[recipe.schedule](self._step / (self._epochs * self._batches))
        self._optimizer.param_groups[0]["lr"] = recipe.peak_lr * share
        self._step += 1
        with self._autocast():
            outputs = self.model(inputs)
            loss = functional.cross_entropy(
                outputs, targets, label_smoothing=recipe.label_smoothing
            )
        self._optimizer.zero_grad()
        self._scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        if recipe.clip_norm is not None:
            self._scaler.unscale_(self._optimizer)
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), recipe.clip_norm)
        self._scaler.step(self._optimizer)
        self._scaler.update()
        return loss.item()

    @torch.no_grad()
    def _validate(self, epoch: int) -> tuple[float, float]:
        self.model.eval()
        wrong, total = 0, 0.0
        with self._autocast():
            for outputs, y in answers(self.model, self._validation):
                total += functional.cross_entropy(outputs, y, reduction="sum").item()
                wrong += int((outputs.argmax(1) != y).sum())
        samples = len(self._validation[1])
        if not math.isfinite(total):
            raise NonFiniteError(f"the validation loss became {total} in epoch {epoch}")
        return wrong / samples, total / samples

    def _autocast(self) -> AbstractContextManager[object]:
        return autocast(self._device, self._precision)

    def _now(self) -> float:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        return perf_counter()


def _optimizer(recipe: Train, model: torch.nn.Module) -> torch.optim.Optimizer:
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(
            model.parameters(), lr=recipe.peak_lr, weight_decay=recipe.decay, fused=True
        )
    return torch.optim.SGD(
        model.parameters(),
        lr=recipe.peak_lr,
        weight_decay=recipe.decay,
        momentum=recipe.sgd_momentum,
        nesterov=recipe.nesterov,
        fused=True,
    )

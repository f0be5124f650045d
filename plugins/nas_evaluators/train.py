"""Training from scratch: the evaluator that everything else is measured against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from nas import ConfigError, Evaluation, Evaluator, Report, SearchData, Split, Task, checks
from nas_evaluators.schedule import SCHEDULES

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

OPTIMIZERS = ("adamw", "sgd")
_LEARNING_RATE = {"adamw": 5e-3, "sgd": 0.1}
_WEIGHT_DECAY = {"adamw": 1e-2, "sgd": 5e-4}
_MOMENTUM = 0.9


@dataclass(frozen=True, kw_only=True)
class Train(Evaluator):
    """Trains a network from scratch in PyTorch and reports how well it does on the validation part.

    The metrics are those after the last epoch, never of the best one: ``error``, the share of
    validation samples that are misclassified, in [0, 1]; ``loss``, their mean cross-entropy in
    nats, without label smoothing; ``train_loss``, the mean of what was minimized over the last
    epoch; ``train_seconds``, wall time of training without validation. Lower is better for all.
    The learning curve has the first three after each epoch. The same task gives the same values,
    bit for bit, on the same kind of device; only ``train_seconds`` differs.

    It trains on the GPU if it is given one, else on the CPU. ``gpus = 0`` keeps it on the CPU.

    Args:
        epochs: the full budget. The learning rate schedule is laid over the epochs that a task
            asks for, so a shorter budget is a shorter schedule, not an interrupted one.
        batch_size: largest number of samples in a step, at least 2. An epoch is cut into batches
            that differ by one sample at most, so none is too small for batch normalisation.
        optimizer: ``adamw`` (arXiv:1711.05101) or ``sgd``.
        lr: peak learning rate; by default 5e-3 for adamw, 0.1 for sgd.
        weight_decay: on all parameters, decoupled for adamw; by default 1e-2 for adamw, 5e-4 for
            sgd.
        momentum: sgd only, in [0, 1); by default 0.9.
        nesterov: sgd only, Nesterov's momentum.
        schedule: ``one_cycle``, ``cosine`` or ``constant``, a step at a time.
        label_smoothing: in [0, 1), share of the target spread over all classes.
        crop: pixels of black that images are padded with on each side before a window of the
            original size is cut out at random; 0 for none.
        flip: mirror half of the images left to right, at random.
        clip_norm: largest L2 norm of the whole gradient, by default unbounded.
        amp: mixed precision on a GPU: bfloat16 where the GPU has it, else float16 with loss
            scaling. Training on the CPU is always in float32.
        data_share: share of the training samples that are used, in (0, 1], the same for all trials:
            some of each class, and those of a smaller share are among those of a larger.
        resolution: height of the images that networks are trained and validated on, in pixels, or
            as a share of what it is; they are resized (bilinear, with antialiasing), and ``crop``
            is in the new pixels. By default they are left as they are.
        checkpoint_every: epochs between two snapshots beside the archive; a training that was
            interrupted goes on from the last one, to the same result as if it never was. By
            default there are none, and it starts again.
    """

    metrics: ClassVar[tuple[str, ...]] = ("error", "loss", "train_loss", "train_seconds")
    uses_gpu: ClassVar[bool] = True

    epochs: int = 12
    batch_size: int = 64
    optimizer: Literal["adamw", "sgd"] = "adamw"
    lr: float | None = None
    weight_decay: float | None = None
    momentum: float | None = None
    nesterov: bool = False
    schedule: Literal["one_cycle", "cosine", "constant"] = "one_cycle"
    label_smoothing: float = 0.0
    crop: int = 0
    flip: bool = False
    clip_norm: float | None = None
    amp: bool = True
    data_share: float = 1.0
    resolution: int | float | None = None
    checkpoint_every: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.whole("epochs", self.epochs, 1)
        checks.whole("batch_size", self.batch_size, 2)
        checks.whole("crop", self.crop, 0)
        if self.checkpoint_every is not None:
            checks.whole("checkpoint_every", self.checkpoint_every, 1)
        checks.one_of("optimizer", self.optimizer, OPTIMIZERS)
        checks.one_of("schedule", self.schedule, SCHEDULES)
        checks.number("label_smoothing", self.label_smoothing, below=1)
        for name in ("nesterov", "flip", "amp"):
            checks.flag(name, getattr(self, name))
        if self.lr is not None:
            checks.number("lr", self.lr, positive=True)
        if self.weight_decay is not None:
            checks.number("weight_decay", self.weight_decay)
        if self.clip_norm is not None:
            checks.number("clip_norm", self.clip_norm, positive=True)
        checks.number("data_share", self.data_share, positive=True)
        if self.data_share > 1:
            raise ValueError(f"data_share must be at most 1, not {self.data_share!r}")
        self._check_resolution()
        self._check_momentum()

    def _check_resolution(self) -> None:
        if isinstance(self.resolution, float):
            checks.number("resolution", self.resolution, positive=True)
            if self.resolution > 1:
                raise ValueError(
                    f"resolution must be a whole number of pixels or a share of at most 1, not "
                    f"{self.resolution!r}"
                )
        elif self.resolution is not None:
            checks.whole("resolution", self.resolution, 1)

    def _check_momentum(self) -> None:
        if self.optimizer != "sgd" and (self.momentum is not None or self.nesterov):
            raise ValueError(f"momentum and nesterov belong to sgd, not to {self.optimizer}")
        if self.momentum is not None:
            checks.number("momentum", self.momentum, below=1)
        if self.nesterov and self.momentum == 0:
            raise ValueError("nesterov needs a momentum above 0")

    @property
    def budget(self) -> int | None:
        """Epochs of a full training."""
        return self.epochs

    @property
    def checkpoints(self) -> bool:
        """Whether it keeps snapshots."""
        return self.checkpoint_every is not None

    @property
    def pausable(self) -> bool:
        """It goes on from a snapshot to the same result as if it had never paused."""
        return True

    @property
    def peak_lr(self) -> float:
        """The highest learning rate of the schedule."""
        return _LEARNING_RATE[self.optimizer] if self.lr is None else self.lr

    @property
    def decay(self) -> float:
        """The weight decay, given or default."""
        return _WEIGHT_DECAY[self.optimizer] if self.weight_decay is None else self.weight_decay

    @property
    def sgd_momentum(self) -> float:
        """The momentum of sgd, given or default."""
        return _MOMENTUM if self.momentum is None else self.momentum

    def evaluate(self, task: Task, report: Report) -> Evaluation:
        """Train the architecture on ``task.data.train``.

        The network that is returned takes raw inputs, as the data set has them: it is
        ``nas.normalise.with_normalisation`` of the space's, on the CPU, in eval mode.

        Raises:
            NonFiniteError: the loss became NaN or infinite, in training or validation.
            CandidateError: the network cannot take images of the resolution.
            ConfigError: data, space, augmentation or device do not fit each other.
        """
        from nas_evaluators.fit import Fit
        from nas_evaluators.isolation import isolated
        from nas_evaluators.reduction import check_size, reduced

        data = self._checked_data(task)
        data = reduced(data, share=self.data_share, resolution=self.resolution)
        epochs = self.epochs if task.budget is None else task.budget
        checks.whole("budget", epochs, 1)
        device = self._device()
        with isolated(task.seed, task.threads, device):
            network = task.space.build(task.architecture)
            if self.resolution is not None:
                check_size(network, data.input_shape)
            fit = Fit(self, network, data, epochs=epochs, seed=task.seed, device=device)
            metrics = fit.run(report, task.checkpoint)
            fit.model.zero_grad()
            return Evaluation(metrics, fit.model.cpu())

    def examine(
        self, network: torch.nn.Module, samples: Split
    ) -> Mapping[str, NDArray[np.float64]]:
        """Return ``error`` (0 or 1) and ``loss`` (nats) of each sample, as validation has them.

        Raises:
            ConfigError: the device does not fit.
        """
        from nas_evaluators.examination import examined

        return examined(self, network, samples, self._device())

    def _checked_data(self, task: Task) -> SearchData:
        data, space = task.data, task.space
        if data is None:
            raise ConfigError("the evaluator train needs a data set; expected a table [data]")
        if (tuple(space.input_shape), space.classes) != (data.input_shape, data.classes):
            raise ConfigError(
                f"the space builds networks from {tuple(space.input_shape)} to {space.classes} "
                f"classes, but a sample has the shape {data.input_shape} and there are "
                f"{data.classes} classes; leave both out of [space] to take the data's"
            )
        if len(data.input_shape) != 3:
            self._check_no_images(data)
        return data

    def _check_no_images(self, data: SearchData) -> None:
        for wanted, what, less in (
            (self.crop or self.flip, "crop and flip need", "crop = 0 and flip = false"),
            (self.resolution is not None, "resolution needs", "no resolution"),
        ):
            if wanted:
                raise ConfigError(
                    f"{what} images, but a sample has the shape {data.input_shape}; expected {less}"
                )

    def _device(self) -> torch.device:
        import torch

        visible = torch.cuda.is_available()
        if self.gpus and not visible:
            raise ConfigError(f"gpus = {self.gpus}, but torch sees no GPU here; expected gpus = 0")
        return torch.device("cuda" if visible and self.gpus != 0 else "cpu")

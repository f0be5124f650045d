"""An evaluator: a training loop of your own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import nas
import numpy as np
from nas import checks
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

Values = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True, kw_only=True)
class PlainSGD(nas.Evaluator):
    """Trains from scratch on the CPU by stochastic gradient descent with momentum.

    After each epoch it reports the ``error``, the share of validation samples that are
    misclassified, and the ``loss``, their mean cross-entropy in nats; its result is the last
    report. Inputs are normalised by the mean and deviation of the training samples.

    Args:
        epochs: the full budget, at least 1.
        lr: learning rate, constant.
        momentum: in [0, 1).
        batch_size: largest number of samples in a step, at least 2.
    """

    metrics: ClassVar[tuple[str, ...]] = ("error", "loss")

    epochs: int = 8
    lr: float = 0.05
    momentum: float = 0.9
    batch_size: int = 64

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.whole("epochs", self.epochs, 1)
        checks.number("lr", self.lr, positive=True)
        checks.number("momentum", self.momentum, below=1)
        checks.whole("batch_size", self.batch_size, 2)

    @property
    def budget(self) -> int:
        """Epochs of a full training."""
        return self.epochs

    def evaluate(self, task: nas.Task, report: nas.Report) -> nas.Evaluation:
        """Train; raises ``NonFiniteError`` where the loss is no number."""
        import torch

        threads = torch.get_num_threads()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(task.seed)
            torch.set_num_threads(task.threads)
            try:
                return self._train(task, report)
            finally:
                torch.set_num_threads(threads)

    def examine(self, network: torch.nn.Module, samples: nas.Split) -> Values:
        """Return error (0 or 1) and loss of each sample: `nas test` asks for the test split's."""
        import torch
        from torch.nn.functional import cross_entropy

        inputs, targets = torch.tensor(samples.inputs), torch.tensor(samples.targets)
        with torch.no_grad():
            outputs = network.eval()(inputs)
            losses = cross_entropy(outputs, targets, reduction="none")
        wrong = outputs.argmax(dim=1) != targets
        return {"error": wrong.double().numpy(), "loss": losses.double().numpy()}

    def _train(self, task: nas.Task, report: nas.Report) -> nas.Evaluation:
        import torch
        from nas.normalise import Normalise, joined

        data = task.data
        if data is None:
            raise nas.ConfigError("this evaluator trains: give the search a data set")
        epochs = self.epochs if task.budget is None else task.budget
        network = joined(Normalise.of(data.train.inputs), task.space.build(task.architecture))
        weights = network.parameters()
        optimizer = torch.optim.SGD(weights, lr=self.lr, momentum=self.momentum)
        metrics: dict[str, float] = {}
        for epoch in range(1, epochs + 1):
            self._epoch(network, optimizer, data.train)
            found = self.examine(network, data.validation)
            metrics = {name: float(values.mean()) for name, values in found.items()}
            if not np.isfinite(metrics["loss"]):
                raise nas.NonFiniteError(f"the loss is {metrics['loss']} after epoch {epoch}")
            report(epoch, metrics)
        return nas.Evaluation(metrics, network)

    def _epoch(
        self, network: torch.nn.Module, optimizer: torch.optim.Optimizer, train: nas.Split
    ) -> None:
        """Take a step for each batch, in random order; batches differ by one sample at most."""
        import torch
        from torch.nn.functional import cross_entropy

        inputs, targets = torch.tensor(train.inputs), torch.tensor(train.targets)
        network.train()
        steps = -(-len(train) // self.batch_size)
        for batch in torch.randperm(len(train)).tensor_split(steps):
            optimizer.zero_grad()
            torch.autograd.backward(cross_entropy(network(inputs[batch]), targets[batch]))
            optimizer.step()

"""The gradient of every sample's own loss with respect to a network's parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

import torch  # noqa: TID253  imported by proxies' compute only
from torch import Tensor, nn  # noqa: TID253

from nas import NonFiniteError, NotApplicableError
from nas_proxies.forward import pass_through
from nas_proxies.sample_wise import AloneMode, TogetherMode
from nas_proxies.slowness import warn_of_slowness
from nas_proxies.weight_gradients import Visit, WeightGradients

Losses = Callable[[Tensor, Tensor], Tensor]
"""From ``(samples, outputs)`` and ``(samples, ...)`` targets to ``(samples,)`` losses."""


def layer_weights(network: nn.Module) -> list[nn.Parameter]:
    """Return the weights of all ``nn.Conv2d`` and ``nn.Linear``; twice if two layers hold it.

    A weight that is computed from parameters (weight norm) is none: it has no gradient of its own.
    """
    layers = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    weights = [layer._parameters.get("weight") for layer in layers]
    return [weight for weight in weights if weight is not None]


def visit_gradients(
    network: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    *,
    losses: Losses,
    chunk: int,
    visit: Visit,
    parameters: Iterable[nn.Parameter] | None = None,
) -> None:
    """Visit parameters with the gradients of every sample that is passed alone.

    Samples go through the network together, ``chunk`` at a time, if every torch function that the
    forward pass calls is known to treat them apart (``nas_proxies.sample_wise``), those that use
    the parameters do so in a known way (``nas_proxies.layer_calls``), and it draws no random
    numbers; otherwise one after another, which is always right, takes longer and is logged. A
    parameter that the loss does not depend on, or that needs no gradient, is not visited. Changes
    buffers and the random state: call it where these are restored.

    Args:
        network: in the mode it is to be used in.
        inputs: ``(samples, ...)``.
        targets: ``(samples, ...)``.
        losses: each sample's loss from its own output and target.
        chunk: samples that are passed together; gradients of so many are in memory at once.
        visit: takes a parameter and ``(some samples, *parameter.shape)``, which it may overwrite;
            over all calls, every sample comes once.
        parameters: those that are wanted; by default the ``layer_weights``.

    Raises:
        NotApplicableError: the network's output is no ``(samples, classes)``, or a batch norm in
            training sees one value a channel, of which there are no statistics.
        NonFiniteError: a loss is NaN or infinite.
        ValueError: there are no samples, or not as many targets.
    """
    if len(inputs) != len(targets) or not len(inputs):
        raise ValueError(f"{len(inputs)} inputs and {len(targets)} targets: as many are needed")
    wanted = layer_weights(network) if parameters is None else parameters
    trainable = list({id(p): p for p in wanted if p.requires_grad}.values())
    mode = TogetherMode(network, WeightGradients(trainable, visit))
    for start in range(0, len(inputs), chunk):
        some = slice(start, start + chunk)
        why_not = _together(network, mode, inputs[some], targets[some], losses)
        if why_not:
            warn_of_slowness(why_not)
            _one_by_one(network, trainable, inputs[start:], targets[start:], losses, visit)
            return


def _together(
    network: nn.Module, mode: TogetherMode, inputs: Tensor, targets: Tensor, losses: Losses
) -> str:
    """Visit all samples at once and return an empty text; or return why that is not possible."""
    with _frozen(network):
        outputs, why_not = mode.pass_on(inputs)
        if why_not:
            return why_not
        total = _checked(outputs, targets, losses).sum()
        if total.requires_grad:
            torch.autograd.backward(total)
        mode.gradients.finish()
    return ""


def _one_by_one(
    network: nn.Module,
    wanted: Sequence[nn.Parameter],
    inputs: Tensor,
    targets: Tensor,
    losses: Losses,
    visit: Visit,
) -> None:
    for i in range(len(inputs)):
        with AloneMode(network):
            outputs = pass_through(network, inputs[i : i + 1])
        loss = _checked(outputs, targets[i : i + 1], losses).sum()
        if not wanted or not loss.requires_grad:
            continue
        found = torch.autograd.grad(loss, wanted, allow_unused=True)
        for parameter, gradient in zip(wanted, found, strict=True):
            if gradient is not None:
                dense = gradient.to_dense() if gradient.is_sparse else gradient.clone()
                visit(parameter, dense.unsqueeze(0))


def _checked(outputs: object, targets: Tensor, losses: Losses) -> Tensor:
    if not isinstance(outputs, Tensor):
        kind = type(outputs).__name__
        raise NotApplicableError(f"the network returns a {kind}, not (samples, classes) outputs")
    if outputs.dim() != 2 or len(outputs) != len(targets):
        raise NotApplicableError(
            f"the network turns {len(targets)} samples into {tuple(outputs.shape)}, "
            "not (samples, classes) outputs"
        )
    values = losses(outputs, targets)
    if not values.isfinite().all():
        raise NonFiniteError("the loss of a sample is NaN or infinite")
    return values


@contextmanager
def _frozen(network: nn.Module) -> Iterator[None]:
    """Make autograd follow activations only: no gradient of a whole batch is computed."""
    trainable = [p for p in network.parameters() if p.requires_grad]
    for parameter in trainable:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in trainable:
            parameter.requires_grad_(True)

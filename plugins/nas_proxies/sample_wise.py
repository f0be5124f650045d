"""Passing many samples through a network as if each were passed alone.

``TogetherMode`` watches every torch function that a forward pass calls. A tensor whose first
dimension is the samples is marked as such. A function keeps the samples apart if it stands in
``nas_proxies.rules`` and its rule holds for its arguments; then its result is marked too. The
network's own tensors, and what is computed from them alone, are constants. Anything else that
samples meet is an objection, and the outputs must not be used: what is not known is not trusted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import torch  # noqa: TID253  imported by proxies' compute only
from torch import Tensor, nn  # noqa: TID253
from torch.autograd.function import BackwardCFunction  # noqa: TID253
from torch.nn import functional as F  # noqa: N812, TID253
from torch.overrides import TorchFunctionMode, resolve_name  # noqa: TID253

from nas import NotApplicableError
from nas_proxies.forward import pass_through
from nas_proxies.rules import QUERIES, RULES, Call
from nas_proxies.weight_gradients import Pair, WeightGradients

_SAMPLES, _CONSTANT = "samples", "constant"
_ORIGIN = "_nas_origin"


class AloneMode(TorchFunctionMode):
    """For one sample: refuses a batch norm that torch would refuse, by the layer's name."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self._network = network

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if func is F.batch_norm:
            _require_statistics(self._network, 1, *args, **kwargs)
        return func(*args, **kwargs)


class TogetherMode(TorchFunctionMode):
    """For many samples: every one gets the outputs, and the gradients, that it would get alone.

    Args:
        network: its batch norms in training take the statistics of each sample.
        gradients: computes with the weights whose per-sample gradients are wanted.
    """

    def __init__(self, network: nn.Module, gradients: WeightGradients) -> None:
        super().__init__()
        self._network = network
        self.gradients = gradients
        self._own = {id(tensor) for module in network.modules() for tensor in _held(module)}
        self._samples = 0
        self._objection = ""

    def pass_on(self, inputs: Tensor) -> Any:
        """Return the network's outputs for ``(samples, ...)``."""
        self._samples = len(inputs)
        with self:
            return pass_through(self._network, _mark(inputs[:], _SAMPLES))

    def objection(self, outputs: object) -> str:
        """Return why the outputs may differ from those of samples passed alone, or nothing."""
        if not self._objection and not self._are_samples(outputs):
            return "the outputs do not come from functions that keep samples apart"
        return self._objection

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        tensors = list(_tensors((*args, *kwargs.values())))
        if self._objection:
            return func(*args, **kwargs)
        if func in QUERIES:
            return self._constant(func(*args, **kwargs))
        if any(map(self.gradients.wants, tensors)):
            return self._with_weight(func, args, kwargs)
        samples: list[Tensor] = []
        constants: list[Tensor] = []
        for tensor in tensors:
            (samples if self._are_samples(tensor) else constants).append(tensor)
        known = all(map(self._is_constant, constants))
        if func is F.batch_norm and samples:
            _require_statistics(self._network, self._samples, *args, **kwargs)
            result = _batch_norm(*args, **kwargs)
        else:
            result = func(*args, **kwargs)
        if samples:
            self._judge(func, Call(args, kwargs, samples, constants, result), known)
        elif known:
            self._constant(result)
        return result

    def _are_samples(self, value: object) -> bool:
        if not isinstance(value, Tensor) or _origin(value) != _SAMPLES:
            return False
        made_by = value.grad_fn  # what other people's own functions do in backward is not seen
        ours = getattr(made_by, "gradients", None) is self.gradients
        return ours or not isinstance(made_by, BackwardCFunction)

    def _is_constant(self, value: object) -> bool:
        return _origin(value) == _CONSTANT or id(value) in self._own

    def _constant(self, result: Any) -> Any:
        # The network's own tensors need no mark, and would keep it.
        _mark([t for t in _tensors((result,)) if id(t) not in self._own], _CONSTANT)
        return result

    def _judge(self, func: Any, call: Call, known: bool) -> None:
        """Object to a call, or mark its results as samples."""
        rule = RULES.get(func)
        results = list(_tensors((call.result,)))
        if rule is None:
            self._object(func, "is not known to keep samples apart")
        elif not known:
            self._object(func, "meets a tensor of unknown origin")
        elif not rule(call) or any(not r.dim() or len(r) != self._samples for r in results):
            self._object(func, "may mix samples or move their dimension here")
        elif any(result is constant for result in results for constant in call.constants):
            self._object(func, "writes samples into another tensor")
        else:
            _mark(results, _SAMPLES)

    def _with_weight(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Use a weight whose gradients are wanted: as a layer does, or not at all."""
        if func is F.conv2d:
            result = self._conv2d(*args, **kwargs)
        elif func is F.linear:
            result = self._linear(*args, **kwargs)
        else:
            result = None
        if result is None:
            self._object(func, "uses a layer's weight in another way than the layer")
            return func(*args, **kwargs)
        return _mark(result, _SAMPLES)

    def _conv2d(
        self,
        input: Tensor,  # noqa: A002  torch's name for it, here and below
        weight: Any,
        bias: Tensor | None = None,
        stride: int | Pair = 1,
        padding: int | Pair | str = 0,
        dilation: int | Pair = 1,
        groups: int = 1,
    ) -> Tensor | None:
        if not self._are_samples(input) or input.dim() != 4 or not self._plain(weight, bias):
            return None
        dilations = _pair(dilation)
        paddings = _padding(padding, dilations, weight.shape[2:])
        if paddings is None:
            return None
        geometry = (_pair(stride), paddings, dilations, groups)
        return self.gradients.conv2d(input, weight, bias, geometry)

    def _linear(
        self,
        input: Tensor,  # noqa: A002
        weight: Any,
        bias: Tensor | None = None,
    ) -> Tensor | None:
        if not self._are_samples(input) or input.dim() < 2 or not self._plain(weight, bias):
            return None
        return self.gradients.linear(input, weight, bias)

    def _plain(self, weight: Tensor, bias: Tensor | None) -> bool:
        fixed = bias is None or (self._is_constant(bias) and not self.gradients.wants(bias))
        return self.gradients.wants(weight) and fixed

    def _object(self, func: Any, why: str) -> None:
        self._objection = self._objection or f"{resolve_name(func) or func} {why}"


def _batch_norm(
    input: Tensor,  # noqa: A002
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalise every sample as ``F.batch_norm`` normalises it in a batch of its own."""
    if not training:
        return F.batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    return F.group_norm(input, input.shape[1], weight, bias, eps)


def _require_statistics(
    network: nn.Module,
    samples: int,
    input: Tensor,  # noqa: A002
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    *_: float,
    **__: float,
) -> None:
    """Refuse a batch norm in training that sees one value a channel when a sample is alone."""
    if training and input.numel() < 2 * samples * input.shape[1]:
        held = [tensor for tensor in (weight, running_mean) if tensor is not None]
        raise NotApplicableError(
            f"{_layer(network, held)} sees {tuple(input.shape[1:])} of one sample: batch norm in "
            "training needs two values a channel, for the samples are passed one by one; "
            "layer norm or no normalisation there would work"
        )


def _layer(network: nn.Module, held: list[Tensor]) -> str:
    for name, module in network.named_modules():
        if any(tensor is mine for tensor in held for mine in _held(module)):
            return f"layer {name!r} ({type(module).__name__})"
    return "a batch norm"


def _tensors(values: Collection[Any]) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from _tensors(value)


def _held(module: nn.Module) -> Iterator[Tensor]:
    """Yield the module's own parameters, buffers, and tensors that are plain attributes."""
    for held in (module._parameters, module._buffers, module.__dict__):
        yield from (tensor for tensor in held.values() if isinstance(tensor, Tensor))


def _mark(result: Any, origin: str) -> Any:
    for tensor in _tensors((result,)):
        setattr(tensor, _ORIGIN, origin)
    return result


def _origin(value: object) -> str | None:
    return getattr(value, _ORIGIN, None)


def _pair(value: int | Pair) -> Pair:
    return (value, value) if isinstance(value, int) else (value[0], value[-1])


def _padding(padding: int | Pair | str, dilation: Pair, kernel: torch.Size) -> Pair | None:
    """Return the padding in numbers, or None if it is not the same on both sides."""
    if not isinstance(padding, str):
        return _pair(padding)
    if padding == "valid":
        return 0, 0
    height, width = (d * (k - 1) for d, k in zip(dilation, kernel, strict=True))
    return None if height % 2 or width % 2 else (height // 2, width // 2)

"""Passing many samples through a network as if each were passed alone.

``TogetherMode`` watches every torch function that a forward pass calls. A tensor whose first
dimension is the samples is marked as such. A function keeps the samples apart if it stands in
``nas_proxies.rules`` and its rule holds for its arguments; then its result is marked too. The
network's own tensors, and what is computed from them alone, are constants. A parameter whose
gradients are wanted is used as ``nas_proxies.layer_calls`` does it. Samples in the second dimension
may come back to the first, or be attended to, and nothing else. Anything else that samples meet is
an objection, and the outputs must not be used: what is not known is not trusted.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn  # noqa: TID253  imported by proxies' compute only
from torch.nn import functional as F  # noqa: N812, TID253
from torch.overrides import TorchFunctionMode, resolve_name  # noqa: TID253

from nas import NotApplicableError
from nas.restore import RandomState
from nas_proxies.forward import pass_through
from nas_proxies.layer_calls import compute
from nas_proxies.norms import batch_norm
from nas_proxies.rules import EXCHANGERS, QUERIES, RULES, Call, exchanges
from nas_proxies.samples import EXCHANGED, SAMPLES, SampleMode, held, mark, origin, tensors_in
from nas_proxies.weight_gradients import WeightGradients


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


class TogetherMode(SampleMode):
    """For many samples: every one gets the outputs, and the gradients, that it would get alone.

    Args:
        network: its batch norms in training take the statistics of each sample.
        gradients: computes with the parameters whose per-sample gradients are wanted.
    """

    def __init__(self, network: nn.Module, gradients: WeightGradients) -> None:
        super().__init__(network, gradients)
        self._network = network
        self._objection = ""

    def pass_on(self, inputs: Tensor) -> tuple[Any, str]:
        """Pass ``(samples, ...)`` through the network.

        Returns:
            The outputs; and why they may differ from those of samples passed alone, or an empty
            text. If they may, the random state is what it was before.
        """
        self.samples = len(inputs)
        random_state = RandomState((inputs,))
        with self:
            outputs = pass_through(self._network, mark(inputs[:], SAMPLES))
        why_not = self._objection
        if not why_not and not self.are_samples(outputs):
            why_not = "the outputs do not come from functions that keep samples apart"
        if not why_not and random_state.moved():
            why_not = "the forward pass draws random numbers"
        if why_not:
            random_state.put_back()
        return outputs, why_not

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if self._objection:
            return func(*args, **kwargs)
        if func in QUERIES:
            return self.constant(func(*args, **kwargs))
        tensors = list(tensors_in((*args, *kwargs.values())))
        attends = func is F.multi_head_attention_forward
        if attends or any(map(self.gradients.wants, tensors)):
            return self._with_parameter(func, args, kwargs)
        samples: list[Tensor] = []
        others: list[Tensor] = []
        for tensor in tensors:
            (samples if self.are_samples(tensor) else others).append(tensor)
        if others and any(origin(tensor) == EXCHANGED for tensor in others):
            return self._with_exchanged(func, args, kwargs)
        known = all(map(self.is_constant, others))
        if func is F.batch_norm and samples:
            _require_statistics(self._network, self.samples, *args, **kwargs)
            result = batch_norm(*args, **kwargs)
        else:
            result = func(*args, **kwargs)
        if samples:
            self._judge(func, Call(args, kwargs, samples, others, result), known)
        elif known:
            self.constant(result)
        return result

    def _judge(self, func: Any, call: Call, known: bool) -> None:
        """Object to a call, or mark its results as samples."""
        rule = RULES.get(func)
        results = list(tensors_in((call.result,)))
        if rule is None:
            self._object(func, "is not known to keep samples apart")
        elif not known:
            self._object(func, "meets a tensor of unknown origin")
        elif func in EXCHANGERS and exchanges(func, call.args, call.kwargs):
            mark(results, EXCHANGED)
        elif not rule(call) or any(not r.dim() or len(r) != self.samples for r in results):
            self._object(func, "may mix samples or move their dimension here")
        elif any(result is constant for result in results for constant in call.constants):
            self._object(func, "writes samples into another tensor")
        else:
            mark(results, SAMPLES)

    def _with_parameter(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Use a parameter whose gradients are wanted, or attend: in a known way, or not at all."""
        if func is F.batch_norm and any(map(self.are_samples, tensors_in(args))):
            _require_statistics(self._network, self.samples, *args, **kwargs)
        result = compute(self, func, args, kwargs)
        if result is None:
            self._object(func, "uses a parameter in an unusual way")
            return func(*args, **kwargs)
        return result

    def _with_exchanged(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Let samples come back to the first dimension."""
        result = func(*args, **kwargs)
        if func in EXCHANGERS and exchanges(func, args, kwargs):
            return mark(result, SAMPLES)
        self._object(func, "meets samples that are not the first dimension")
        return result

    def _object(self, func: Any, why: str) -> None:
        self._objection = self._objection or f"{resolve_name(func) or func} {why}"


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
        used = [tensor for tensor in (weight, running_mean) if tensor is not None]
        raise NotApplicableError(
            f"{_layer(network, used)} sees {tuple(input.shape[1:])} of one sample: batch norm in "
            "training needs two values a channel, for the samples are passed one by one; "
            "layer norm or no normalisation there would work"
        )


def _layer(network: nn.Module, used: list[Tensor]) -> str:
    for name, module in network.named_modules():
        if any(tensor is mine for tensor in used for mine in held(module)):
            return f"layer {name!r} ({type(module).__name__})"
    return "a batch norm"

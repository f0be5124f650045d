"""Which torch functions keep the samples of a batch apart, and with which arguments.

Samples are the first dimension of a marked tensor. A rule tells whether a call leaves them there
and lets none of them see another; it may rely on the result's first dimension being checked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from torch import Tensor  # noqa: TID253  imported by proxies' compute only

from nas.networks import torch_functions


class Call(NamedTuple):
    """A torch function that was called.

    Args:
        args: positional arguments.
        kwargs: named arguments.
        samples: the marked tensors among them.
        constants: the other tensors among them.
        result: what it returned.
    """

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    samples: list[Tensor]
    constants: list[Tensor]
    result: Any

    def get(self, position: int, name: str, default: object = None) -> Any:
        """Return an argument by position or name."""
        if position < len(self.args):
            return self.args[position]
        return self.kwargs.get(name, default)


Rule = Callable[[Call], bool]


def _elementwise(call: Call) -> bool:
    """Element by element, with broadcasting: no tensor may line up its own rows with samples."""
    if not isinstance(call.result, Tensor):
        return False
    rank = call.result.dim()
    return all(t.dim() == rank for t in call.samples) and _broadcast(call, rank)


def _broadcast(call: Call, rank: int) -> bool:
    return all(tensor.dim() < rank or _one_row(tensor) for tensor in call.constants)


def _one_row(tensor: Tensor) -> bool:
    """Tell whether every sample meets the same: one row, or one row expanded to many."""
    return tensor.dim() > 0 and (len(tensor) == 1 or tensor.stride(0) == 0)


def _first(call: Call) -> bool:
    """Only the first argument is samples."""
    return len(call.samples) == 1 and bool(call.args) and call.args[0] is call.samples[0]


def _ranks(low: int, high: int | None = None) -> Rule:
    """The first argument is a batch, not one sample without a batch dimension."""

    def rule(call: Call) -> bool:
        rank = call.samples[0].dim()
        return _first(call) and low <= rank and (high is None or rank <= high)

    return rule


def _along(position: int, name: str, default: int | None = None) -> Rule:
    """Works along given dimensions, none of them the first."""

    def rule(call: Call) -> bool:
        return _first(call) and _inner(call.get(position, name, default), call.samples[0].dim())

    return rule


def _inner(dims: Any, rank: int) -> bool:
    """Tell whether these are dimensions of a tensor of this rank, without the first."""
    numbers = tuple(dims) if isinstance(dims, list | tuple) else (dims,)
    plain = all(isinstance(d, int) and not isinstance(d, bool) for d in numbers)
    return bool(numbers) and plain and all(d % rank for d in numbers)


def _added(call: Call) -> bool:
    """Inserts a dimension that is not the first."""
    return _first(call) and _inner(call.get(1, "dim"), call.result.dim())


def _swapped(call: Call) -> bool:
    """Swaps two dimensions, neither the first."""
    dims = (call.get(1, "dim0"), call.get(2, "dim1"))
    return _first(call) and _inner(dims, call.samples[0].dim())


def _permuted(call: Call) -> bool:
    """Reorders dimensions and leaves the first where it is."""
    dims = call.get(1, "dims")
    order = dims if isinstance(dims, list | tuple) else call.args[1:]
    return _first(call) and bool(order) and order[0] == 0


def _reshaped(call: Call) -> bool:
    """Row-major: as long as there are as many rows as samples, they are the samples."""
    return _first(call)


def _repeated(call: Call) -> bool:
    """Repeats or expands dimensions; a new one in front would not be the samples'."""
    return _first(call) and call.result.dim() == call.samples[0].dim()


def _joined(call: Call) -> bool:
    """Joins tensors of one row a sample along another dimension."""
    inner = _inner(call.get(1, "dim", 0), call.result.dim())
    return inner and all(_one_row(tensor) for tensor in call.constants)


def _product(call: Call) -> bool:
    """Matrix products, sample by sample or with one matrix for all."""
    rank = max(t.dim() for t in (*call.samples, *call.constants))
    if any(t.dim() != rank for t in call.samples) or not _broadcast(call, max(rank, 3)):
        return False
    return rank >= 3 or (rank == 2 and _first(call))


def _indexed(call: Call) -> bool:
    """Plain indices and slices behind a whole first dimension."""
    index = call.get(1, "index")
    items = index if isinstance(index, tuple) else (index,)
    if not all(item is None or item is ... or type(item) in (int, slice) for item in items):
        return False
    if items[0] is ...:
        return _first(call) and sum(i is not None for i in items[1:]) < call.samples[0].dim()
    return _first(call) and items[0] == slice(None)


def _looked_up(call: Call) -> bool:
    """Samples are the indices, not the table."""
    return _first(call) and not call.samples[0].is_floating_point()


def _padded(call: Call) -> bool:
    return _first(call) and len(call.get(1, "pad")) // 2 < call.samples[0].dim()


def _normalised(call: Call) -> bool:
    """Over the last dimensions, and not all of them."""
    return _first(call) and len(call.get(1, "normalized_shape")) < call.samples[0].dim()


def exchanges(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Tell whether a call of ``EXCHANGERS`` exchanges the first two dimensions, and no others."""
    call = Call(args, kwargs, [], [], None)
    if not args or not isinstance(args[0], Tensor) or args[0].dim() < 2:
        return False
    if func in _PERMUTATIONS:
        dims = call.get(1, "dims")
        order = tuple(dims) if isinstance(dims, list | tuple) else args[1:]
        return order == (1, 0, *range(2, args[0].dim()))
    dims = (call.get(1, "dim0"), call.get(2, "dim1"))
    plain = all(isinstance(d, int) for d in dims)
    return plain and {d % args[0].dim() for d in dims} == {0, 1}


def is_elementwise(func: Any) -> bool:
    """Tell whether the function works element by element, with broadcasting."""
    return RULES.get(func) is _elementwise


def _table(*lines: tuple[Rule, str]) -> dict[Any, Rule]:
    return {func: rule for rule, names in lines for func in torch_functions(names)}


RULES = _table(
    (
        _elementwise,
        "add add_ sub sub_ mul mul_ div div_ true_divide __rsub__ __rtruediv__ __rdiv__ __rpow__ "
        "neg abs square sqrt rsqrt pow __pow__ exp expm1 log log1p reciprocal clamp clamp_min "
        "maximum minimum where masked_fill lerp addcmul addcdiv sin cos tan tanh tanh_ sigmoid "
        "sigmoid_ relu relu_ relu6 leaky_relu leaky_relu_ prelu elu elu_ selu celu gelu silu mish "
        "softplus softsign logsigmoid hardtanh hardtanh_ hardswish hardsigmoid hardshrink "
        "softshrink tanhshrink threshold erf sign eq ne lt le gt ge dropout dropout1d dropout2d "
        "dropout3d alpha_dropout feature_alpha_dropout clone contiguous detach to type_as float "
        "double half bfloat16 long int bool zeros_like ones_like full_like batch_norm",
    ),
    (_ranks(2), "linear group_norm"),
    (_looked_up, "embedding"),
    (_ranks(3), "instance_norm interpolate local_response_norm"),
    (_ranks(3, 3), "conv1d conv_transpose1d avg_pool1d max_pool1d lp_pool1d"),
    (_ranks(3, 3), "adaptive_avg_pool1d adaptive_max_pool1d fold"),
    (_ranks(4, 4), "conv2d conv_transpose2d avg_pool2d max_pool2d lp_pool2d unfold"),
    (_ranks(4, 4), "adaptive_avg_pool2d adaptive_max_pool2d"),
    (_ranks(4, 4), "pixel_shuffle pixel_unshuffle channel_shuffle"),
    (_ranks(5, 5), "conv3d conv_transpose3d avg_pool3d max_pool3d lp_pool3d"),
    (_ranks(5, 5), "adaptive_avg_pool3d adaptive_max_pool3d"),
    (_along(1, "dim"), "mean sum prod amax amin max min std var logsumexp cumsum squeeze select"),
    (_along(1, "dim"), "narrow softmax log_softmax argmax argmin unflatten"),
    (_along(1, "dim", 0), "unbind"),
    (_along(1, "dim", -1), "glu sort"),
    (_along(2, "dim", 0), "chunk split"),
    (_along(2, "dim", 1), "normalize"),
    (_along(2, "dim", -1), "topk"),
    (_along(2, "dim"), "norm"),
    (_along(2, "dims"), "roll"),
    (_added, "unsqueeze"),
    (_swapped, "transpose swapaxes swapdims"),
    (_permuted, "permute"),
    (_reshaped, "view reshape flatten"),
    (_repeated, "expand repeat tile"),
    (_joined, "cat concat stack"),
    (_product, "matmul __matmul__ bmm scaled_dot_product_attention"),
    (_indexed, "__getitem__"),
    (_padded, "pad"),
    (_normalised, "layer_norm rms_norm"),
)

_PERMUTATIONS = torch_functions("permute")
EXCHANGERS = _PERMUTATIONS | torch_functions("transpose swapaxes swapdims")
"""What may move samples to the second dimension, and back."""

QUERIES = torch_functions(
    "shape size dim ndim ndimension numel stride is_contiguous dtype device layout is_cuda is_cpu "
    "is_meta is_nested is_floating_point is_complex requires_grad is_leaf __len__ "
    "new_zeros new_ones new_full new_empty get_device element_size"
)
"""What tells of a tensor without passing any of its values on."""

"""Multi-head attention as ``nn.MultiheadAttention`` calls it, in functions that rules know."""

from __future__ import annotations

import math
from inspect import signature
from typing import Any

import torch  # noqa: TID253  imported by proxies' compute only
from torch import Tensor  # noqa: TID253
from torch.nn import functional as F  # noqa: N812, TID253

from nas_proxies.samples import SampleMode

_SIGNATURE = signature(F.multi_head_attention_forward)
_RARE = ("bias_k", "bias_v", "static_k", "static_v", "key_padding_mask", "q_proj_weight")


def attention(mode: SampleMode, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor | None] | None:
    """Return attended values and shares, or None where that is done in a rare way.

    The mode looks at each step as if the network did it; samples are the second dimension.
    """
    call = _SIGNATURE.bind(*args, **kwargs)
    call.apply_defaults()
    given = call.arguments
    random = given["dropout_p"] > 0 and given["training"]
    if random or given["add_zero_attn"] or any(given[name] is not None for name in _RARE):
        return None
    heads, mask, causal = given["num_heads"], given["attn_mask"], False
    if mask is not None and (mask.dim() != 2 or not mask.is_floating_point()):
        return None
    if any(given[name].dim() != 3 for name in ("query", "key", "value")):
        return None
    if given["is_causal"] and not given["need_weights"]:
        mask, causal = None, True
    with mode:
        queries, keys, values = (
            part.reshape(*part.shape[:2], heads, -1).transpose(1, 2) for part in _projected(given)
        )
        shares = None
        if given["need_weights"]:
            scores = (queries * math.sqrt(1 / queries.shape[-1])) @ keys.transpose(-2, -1)
            shares = torch.softmax(scores if mask is None else scores + mask, dim=-1)
            result = shares @ values
            shares = shares.mean(1) if given["average_attn_weights"] else shares
        else:
            result = F.scaled_dot_product_attention(queries, keys, values, mask, 0.0, causal)
        result = result.transpose(1, 2).flatten(2)
        result = F.linear(result, given["out_proj_weight"], given["out_proj_bias"])
        return result.transpose(0, 1), shares


def _projected(given: dict[str, Any]) -> list[Tensor]:
    """Return queries, keys and values, ``(samples, positions, features)``."""
    weight, bias = given["in_proj_weight"], given["in_proj_bias"]
    sources = [given[name] for name in ("query", "key", "value")]
    found: dict[int, tuple[Tensor, ...]] = {}
    for source in sources:
        if id(source) not in found:
            projected = F.linear(source.transpose(0, 1), weight, bias)
            found[id(source)] = projected.chunk(3, dim=-1)
    return [found[id(source)][i] for i, source in enumerate(sources)]

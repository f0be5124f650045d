"""Built-in proxies: GradSign, and the parameter and operation counts that it has to beat."""

from __future__ import annotations

from collections.abc import Iterable

from nas import Component, hookimpl


@hookimpl
def nas_proxies() -> Iterable[Component]:
    """Register the proxies."""
    from nas_proxies.counts import Flops, Params
    from nas_proxies.gradsign import GradSign

    return [
        Component(
            "gradsign",
            GradSign,
            "how much the signs of the samples' gradients agree",
            "Zhang & Jia, ICLR 2022, arXiv:2110.08616",
        ),
        Component("params", Params, "number of parameters: a line to beat"),
        Component("flops", Flops, "operations of a forward pass: a line to beat"),
    ]

"""Built-in proxies: GradSign, those it is compared with, and the counts that all have to beat."""

from __future__ import annotations

from collections.abc import Iterable

from nas import Component, hookimpl

_SURVEY = "Abdelfattah et al., ICLR 2021, arXiv:2101.08134"


@hookimpl
def nas_proxies() -> Iterable[Component]:
    """Register the proxies."""
    return [*_of_gradients(), *_of_samples(), *_of_weights()]


def _of_gradients() -> Iterable[Component]:
    from nas_proxies.from_gradients import Fisher, GradNorm, Grasp, Plain, Snip
    from nas_proxies.gradsign import GradSign
    from nas_proxies.zico import ZiCo

    return [
        Component(
            "gradsign",
            GradSign,
            "how much the signs of the samples' gradients agree",
            "Zhang & Jia, ICLR 2022, arXiv:2110.08616",
        ),
        Component("grad_norm", GradNorm, "norm of the loss's gradient", _SURVEY),
        Component(
            "snip",
            Snip,
            "how much the loss depends on each weight",
            "Lee et al., ICLR 2019, arXiv:1810.02340",
        ),
        Component("plain", Plain, "like snip, with signs", _SURVEY),
        Component(
            "grasp",
            Grasp,
            "gradient flow that pruning would keep",
            "Wang et al., ICLR 2020, arXiv:2002.07376",
        ),
        Component(
            "fisher",
            Fisher,
            "Fisher information of the channels",
            "Turner et al., ICLR 2020, arXiv:1906.04113",
        ),
        Component(
            "zico",
            ZiCo,
            "how large gradients are, against how much they differ between batches",
            "Li et al., ICLR 2023, arXiv:2301.11300",
        ),
    ]


def _of_samples() -> Iterable[Component]:
    from nas_proxies.from_codes import NASWOT
    from nas_proxies.from_jacobian import EpeNas, Jacov

    return [
        Component(
            "jacov",
            Jacov,
            "how little the samples' Jacobians correlate",
            "Mellor et al., arXiv:2006.04647v1",
        ),
        Component(
            "naswot",
            NASWOT,
            "how differently samples activate ReLUs",
            "Mellor et al., ICML 2021, arXiv:2006.04647",
        ),
        Component(
            "epe_nas",
            EpeNas,
            "how the samples' Jacobians correlate within classes",
            "Lopes et al., ICANN 2021, arXiv:2102.08099",
        ),
    ]


def _of_weights() -> Iterable[Component]:
    from nas_proxies.counts import Flops, Params
    from nas_proxies.from_weights import L2Norm
    from nas_proxies.synflow import SynFlow

    return [
        Component(
            "synflow",
            SynFlow,
            "how much flows through the weights, without any data",
            "Tanaka et al., NeurIPS 2020, arXiv:2006.05467",
        ),
        Component("l2_norm", L2Norm, "norm of the weights", _SURVEY),
        Component("params", Params, "number of parameters: a line to beat"),
        Component("flops", Flops, "operations of a forward pass: a line to beat"),
    ]

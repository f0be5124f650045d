"""Built-in proxies: GradSign, those it is compared with, and the counts that all have to beat.

``docs/proxies.md`` has the formula, source, needs and cost of each.
"""

from __future__ import annotations

from collections.abc import Iterable

from nas import Component, hookimpl

_SURVEY = "Abdelfattah et al., ICLR 2021, arXiv:2101.08134"
_TE_NAS = "Chen et al., ICLR 2021, arXiv:2102.11535"
_AZ_NAS = "Lee & Ham, CVPR 2024, arXiv:2403.19232"
_VKDNW = "Tybl & Neumann, CVPR 2025, arXiv:2502.04975"


@hookimpl
def nas_proxies() -> Iterable[Component]:
    """Register the proxies."""
    return [
        *_of_gradients(),
        *_of_samples(),
        *_of_patterns(),
        *_of_tangent_kernels(),
        *_of_random_inputs(),
        *_of_blocks(),
        *_of_weights(),
        *_of_several(),
    ]


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


def _of_patterns() -> Iterable[Component]:
    from nas_proxies.linear_regions import LinearRegions
    from nas_proxies.swap import SWAP

    return [
        Component(
            "swap",
            SWAP,
            "how many different patterns of samples activate ReLUs",
            "Peng et al., ICLR 2024, arXiv:2403.04161",
        ),
        Component(
            "linear_regions",
            LinearRegions,
            "how many linear regions tiny inputs fall into",
            _TE_NAS,
        ),
    ]


def _of_tangent_kernels() -> Iterable[Component]:
    from nas_proxies.ntk import NTKCondition, NTKTrace

    return [
        Component(
            "ntk_condition",
            NTKCondition,
            "condition number of the neural tangent kernel, negated",
            _TE_NAS,
        ),
        Component(
            "ntk_trace",
            NTKTrace,
            "trace of the neural tangent kernel",
            "Shu et al., ICLR 2022, arXiv:2109.00817",
        ),
    ]


def _of_random_inputs() -> Iterable[Component]:
    from nas_proxies.meco import MeCo
    from nas_proxies.vkdnw import VKDNW
    from nas_proxies.zen import Zen

    return [
        Component(
            "zen",
            Zen,
            "how much the last feature map changes with the input",
            "Lin et al., ICCV 2021, arXiv:2102.01063",
        ),
        Component(
            "meco",
            MeCo,
            "how little the channels of feature maps correlate",
            "Jiang et al., NeurIPS 2023",
        ),
        Component(
            "vkdnw", VKDNW, "how alike the eigenvalues of the Fisher information are", _VKDNW
        ),
    ]


def _of_blocks() -> Iterable[Component]:
    from nas_proxies.az_nas import AzExpressivity, AzProgressivity, AzTrainability

    return [
        Component(
            "az_expressivity",
            AzExpressivity,
            "how evenly blocks' features spread over their space",
            _AZ_NAS,
        ),
        Component(
            "az_progressivity",
            AzProgressivity,
            "how much the spread grows from block to block, at least",
            _AZ_NAS,
        ),
        Component(
            "az_trainability",
            AzTrainability,
            "how close to 1 blocks leave the size of gradients",
            _AZ_NAS,
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


def _of_several() -> Iterable[Component]:
    from nas_proxies.aggregates import az_nas, te_nas, vkdnw_agg

    return [
        Component(
            "te_nas", te_nas, "mean rank of ntk_condition and linear_regions together", _TE_NAS
        ),
        Component("az_nas", az_nas, "log ranks of flops and the three parts of AZ-NAS", _AZ_NAS),
        Component(
            "vkdnw_agg",
            vkdnw_agg,
            "log ranks of vkdnw, jacov, flops and two parts of AZ-NAS",
            _VKDNW,
        ),
    ]

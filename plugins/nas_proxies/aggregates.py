"""Several proxies as one, as their authors rank networks by them.

Ranks are among the architectures that were scored so far, the worst being 1.
"""

from __future__ import annotations

from nas import Aggregate


def te_nas() -> Aggregate:
    """Return TE-NAS's ranking: trainability and expressivity count alike.

    ``(rank(ntk_condition) + rank(linear_regions)) / (2 m)`` among ``m`` architectures. The authors
    add the ranks up, which gives the same order, while they prune a supernet; here whole networks
    are ranked.

    Source: Chen et al., "Neural Architecture Search on ImageNet in Four GPU Hours: A Theoretically
    Inspired Perspective" (TE-NAS), ICLR 2021, arXiv:2102.11535; github.com/VITA-Group/TENAS.
    """
    return Aggregate(("ntk_condition", "linear_regions"), "mean_rank")


def az_nas() -> Aggregate:
    """Return AZ-NAS's ranking: one bad rank of the four costs more than a good one is worth.

    ``sum log(rank / m)`` over ``flops``, ``az_expressivity``, ``az_progressivity`` and
    ``az_trainability``, among ``m`` architectures.

    Source: Lee & Ham, "AZ-NAS: Assembling Zero-Cost Proxies for Network Architecture Search",
    CVPR 2024, arXiv:2403.19232; github.com/cvlab-yonsei/AZ-NAS.
    """
    return Aggregate(("flops", "az_expressivity", "az_progressivity", "az_trainability"))


def vkdnw_agg() -> Aggregate:
    """Return the ranking that VKDNW's authors call ``VKDNW_agg``.

    ``sum log(rank / m)`` over ``vkdnw``, ``az_expressivity``, ``az_trainability``, ``flops`` and
    ``jacov``, among ``m`` architectures.

    Source: Tybl & Neumann, "Training-free Neural Architecture Search through Variance of Knowledge
    of Deep Network Weights", CVPR 2025, arXiv:2502.04975.
    """
    return Aggregate(("vkdnw", "az_expressivity", "az_trainability", "flops", "jacov"))

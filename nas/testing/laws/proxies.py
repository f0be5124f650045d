"""Laws of zero-cost proxies."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import TYPE_CHECKING

import nas
from nas.abstract.proxy import Proxy, SharingProxy, score_together
from nas.testing.law import Inapplicable, broken, law, require
from nas.testing.state import state_of
from nas.testing.subject import Subject

if TYPE_CHECKING:
    from torch import Tensor, nn

Scored = float | str
"""A score, or which error of a candidate it was."""

CLOSE = 1e-2
"""How far apart scores may be, relative to their size, that sums in another order give."""


def _proxy(subject: Subject) -> Proxy:
    built = subject.build()
    if not isinstance(built, Proxy):
        raise Inapplicable("it ranks by other proxies, which are checked themselves")
    return built


def scored(proxy: Proxy, network: nn.Module, inputs: Tensor, targets: Tensor) -> Scored:
    """Score with torch's seed set; anything raised but a candidate's error breaks the law."""
    import torch

    torch.manual_seed(7)
    try:
        found = proxy.score(network, inputs, targets)
    except nas.CandidateError as error:
        return f"{type(error).__name__}: {error}"
    require(math.isfinite(found), f"it gave {found}")
    return found


def alike(one: Scored, other: Scored, close: float = CLOSE) -> bool:
    """Tell whether two scores are the same up to rounding."""
    if isinstance(one, str) or isinstance(other, str):
        return one == other
    return math.isclose(one, other, rel_tol=close, abs_tol=1e-9)


@law("proxy")
def says_what_it_needs_and_costs(subject: Subject) -> None:
    """Its attributes say for whom it is and what it costs: applies_to, batch, cost, needs_data.

    Class attributes; a search reads them to decide what to load and to say what scoring costs.
    """
    proxy = _proxy(subject)
    require(math.isfinite(proxy.cost) and proxy.cost >= 0, f"cost is {proxy.cost}")
    require(isinstance(proxy.batch, int) and proxy.batch >= 1, f"batch is {proxy.batch!r}")
    require(proxy.applies_to, "applies_to says for which networks it has a meaning")
    require("\n" not in proxy.formula, "formula is one line of plain text")
    consistent = proxy.needs_data or not proxy.needs_targets
    require(consistent, "it needs targets, but says that it needs no data")


@law("proxy")
def leaves_no_trace(subject: Subject) -> None:
    """Network, gradients, hooks, random states, flags and samples are as they were, bit for bit.

    `score` puts the network back, one level deep. It cannot undo what is written into the
    samples: work on copies.
    """
    from nas.testing.networks import batch, convolutional, plain

    proxy = _proxy(subject)
    for net, samples in ((convolutional(), batch()), (plain(), batch(shape=(8,)))):
        _untraced(proxy, net, *samples, failing=False)


@law("proxy")
def leaves_no_trace_when_it_fails(subject: Subject) -> None:
    """That is so too where the network raises, on the way there or back.

    Undo in `finally`, not after the last line.
    """
    from nas.testing.networks import Fails, batch, convolutional

    proxy = _proxy(subject)
    for back in (False, True):
        _untraced(proxy, convolutional(Fails(back)), *batch(), failing=True)


def _untraced(
    proxy: Proxy, net: nn.Module, inputs: Tensor, targets: Tensor, *, failing: bool
) -> None:
    import torch

    given = inputs.clone(), targets.clone()
    before = state_of(net)
    with suppress(KeyError, nas.CandidateError):
        proxy.score(net, inputs, targets)
        if failing:
            return  # it has not seen what fails
    after = state_of(net)
    changed = [i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b]
    require(len(before) == len(after) and not changed, f"it left changes: {_shown(before, after)}")
    same = all(map(torch.equal, (inputs, targets), given))
    require(same, "it changed the samples that it was given")


def _shown(before: list[object], after: list[object]) -> str:
    for old, new in zip(before, after, strict=False):
        if old != new:
            return f"{str(old)[:60]} became {str(new)[:60]}"
    return f"{len(before)} things to see became {len(after)}"


@law("proxy")
def is_a_number_or_a_typed_failure(subject: Subject) -> None:
    """Where weights or inputs are no numbers, there is a finite score or a CandidateError.

    Let NaN and infinity out, `score` makes them a `NonFiniteError`; raise `NotApplicableError`
    where there is no meaning. Anything else ends in the archive as a crash.
    """
    import torch

    from nas.testing.networks import batch, convolutional

    proxy = _proxy(subject)
    for value in (math.nan, math.inf, 1e30):
        net, (inputs, targets) = convolutional(), batch()
        scored(proxy, net, inputs.clone().fill_(value), targets)
        with torch.no_grad():
            next(net[1].parameters())[2, 1, 0, 1] = value
        scored(proxy, net, inputs, targets)
    dead = convolutional()
    with torch.no_grad():
        for parameter in dead.parameters():
            parameter.zero_()
    scored(proxy, dead, *batch())


@law("proxy")
def the_seed_decides(subject: Subject) -> None:
    """The same network, samples and torch seed give the same score, whatever was scored before.

    All draws come from torch's generator, and nothing is kept between calls.
    """
    import torch

    from nas.testing.networks import batch, convolutional

    proxy = _proxy(subject)
    net = convolutional()
    first = scored(proxy, net, *batch())
    torch.rand(5)
    for which, again in (("same", net), ("same again, built anew,", convolutional())):
        found = scored(proxy, again, *batch())
        require(found == first, f"the {which} network got {first} first, then {found}")


@law("proxy")
def the_order_of_samples_is_irrelevant(subject: Subject) -> None:
    """The same samples in another order give the same score, up to rounding.

    Where parts of the batch are compared on purpose, `splits_batch = True` says so. Scores may
    differ by a hundredth.
    """
    import torch

    from nas.testing.networks import batch, convolutional, plain

    proxy = _proxy(subject)
    if proxy.splits_batch:
        raise Inapplicable("it says that it computes from parts of the batch")
    for net, (inputs, targets) in ((convolutional(), batch()), (plain(), batch(shape=(8,)))):
        net = net.eval()
        for module in net.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0  # which units are dropped depends on the place in the batch
        order = torch.randperm(len(inputs), generator=torch.Generator().manual_seed(3))
        first, again = (scored(proxy, net, inputs, targets) for _ in range(2))
        if again != first:
            raise Inapplicable("another score each time: the order cannot be told apart")
        other = scored(proxy, net, inputs[order], targets[order])
        require(alike(first, other), f"{first} became {other} when samples changed places")


@law("proxy")
def applies_or_says_so(subject: Subject) -> str:
    """A network without convolutions and normalisation gets a score, or NotApplicableError.

    Not every space has convolutions or batch normalisation. `NotApplicableError` keeps such a
    network in the search; a score of 0 would not.
    """
    import torch

    from nas.testing.networks import batch, plain

    proxy = _proxy(subject)
    torch.manual_seed(7)
    try:
        found = proxy.score(plain(), *batch(shape=(8,)))
    except nas.NotApplicableError as error:
        return str(error)
    require(math.isfinite(found), f"it gave {found}")
    return ""


@law("proxy")
def looks_at_what_it_says(subject: Subject) -> None:
    """Samples and targets change the score if, and only if, it says that it needs them.

    With `needs_targets = False` a proxy works on unlabelled data, with `needs_data = False`
    without any.
    """
    import torch

    from nas.testing.networks import CLASSES, batch, convolutional

    proxy, net, (inputs, targets) = _proxy(subject), convolutional(), batch()
    first = scored(proxy, net, inputs, targets)
    others = [targets.flip(0), torch.zeros_like(targets), (targets + 1) % CLASSES]
    changed = any(scored(proxy, net, inputs, other) != first for other in others)
    if changed and not proxy.needs_targets:
        broken("other targets change the score, but needs_targets is False")
    if proxy.needs_targets and not changed:
        broken("no other targets change the score: needs_targets = False would say so")
    other = scored(proxy, net, inputs.flip(3) * 3 + 1, targets)
    if other != first and not proxy.needs_data:
        broken(f"other samples change the score from {first} to {other}, but needs_data is False")
    if other == first and proxy.needs_data:
        broken("other samples do not change the score: needs_data = False would say so")


@law("proxy")
def together_is_as_alone(subject: Subject) -> None:
    """Scored together with others that share its passes, it gets what it gets alone.

    `compute_from` must leave what is shared to the others, in whatever order they come.
    """
    import torch

    from nas.testing.networks import batch, convolutional

    proxy = _proxy(subject)
    if not isinstance(proxy, SharingProxy):
        raise Inapplicable("it shares nothing")
    net, samples = convolutional(), batch()
    alone = scored(proxy, net, *samples)
    torch.manual_seed(7)
    for place, found in enumerate(score_together([proxy, subject.build()], net, *samples)):
        one = f"{type(found).__name__}: {found}" if isinstance(found, Exception) else found
        require(one == alone, f"alone it got {alone}; together, in place {place + 1}, {one}")

"""Policy gradients: the gradient itself, who is credited with a reward, and not to get stuck."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
import torch

import nas
from nas_strategies.controllers import Controller, Table
from nas_strategies.lstm_controller import LSTM


class Toy(nas.Space):
    input_shape, classes = (1,), 2
    decisions = (
        nas.Categorical("a", ["x", "y", "z"]),
        nas.Integer("b", 1, 4, when={"a": ["y", "z"]}),
        nas.Categorical("c", [True, False], when={"b": [2, 3, 4]}),
    )

    def build(self, architecture: nas.Architecture) -> Any:
        raise AssertionError("a strategy builds no networks")


SPACE = Toy()
GOALS = (nas.Goal("error"),)
every_controller = pytest.mark.parametrize("controller", ["table", "lstm"])


def made(controller: str, rate: float = 0.05, entropy: float = 0.0) -> Controller:
    if controller == "table":
        return Table(SPACE, rate, entropy)
    return LSTM(SPACE, rate, entropy, seed=0)


def frequency(policy: Controller, positions: list[int], draws: int = 400) -> float:
    source = random.Random(1)
    return sum(policy.sample(source) == positions for _ in range(draws)) / draws


def complete(number: int, architecture: nas.Architecture, loss: float) -> nas.Trial:
    return nas.Trial(number, architecture, nas.Status.COMPLETE, (loss,))


def started(**parameters: Any) -> Any:
    strategy = nas.strategy("reinforce", **parameters)
    strategy.start(nas.Problem(SPACE, GOALS, 0))
    return strategy


@every_controller
def test_draws_members_and_skips_what_is_inactive(controller: str) -> None:
    policy, source = made(controller), random.Random(0)
    for _ in range(100):
        positions = policy.sample(source)
        member = SPACE.decode([max(i, 0) for i in positions])
        assert SPACE.encode(member).tolist() == positions


@every_controller
def test_an_advantage_makes_what_was_drawn_likelier_and_its_opposite_less(controller: str) -> None:
    for positions in ([1, 2, 0], [0, -1, -1], [2, 0, -1]):
        rising, falling = made(controller), made(controller)
        before = frequency(rising, positions)
        for _ in range(30):
            rising.learn(positions, 0.5)
            falling.learn(positions, -0.5)
        assert frequency(rising, positions) > before + 0.2
        assert frequency(falling, positions) < before


@every_controller
def test_the_entropy_bonus_undoes_what_was_learnt(controller: str) -> None:
    policy = made(controller, rate=0.01, entropy=0.2)
    for _ in range(150):
        policy.learn([1, 2, 0], 0.3)
        policy.learn([2, 0, -1], -0.3)
    sure = frequency(policy, [1, 2, 0])
    for _ in range(200):
        policy.learn([1, 2, 0], 0.0)
    assert sure > 0.1
    assert frequency(policy, [1, 2, 0]) < 0.8 * sure


def test_the_gradient_of_the_table_is_that_of_automatic_differentiation() -> None:
    policy = Table(SPACE, 0.1, 0.3)
    draws = np.random.default_rng(0)
    policy._logits = draws.normal(size=SPACE.tree.offsets[-1])
    taken: list[np.ndarray] = []
    policy._climb = taken.append  # type: ignore[method-assign]
    policy.learn([2, 1, 0], -0.7)
    logits = torch.tensor(policy._logits, requires_grad=True)
    gain = torch.tensor(0.0, dtype=torch.float64)
    for decision, position in enumerate([2, 1, 0]):
        low, high = SPACE.tree.offsets[decision : decision + 2]
        log_p = logits[low:high].log_softmax(dim=0)
        gain = gain - 0.7 * log_p[position] - 0.3 * (log_p.exp() * log_p).sum()
    gain.backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    np.testing.assert_allclose(taken[0], logits.grad.numpy(), atol=1e-12)


class Spy(Controller):
    """Notes what it is taught; draws in turn."""

    def __init__(self, draws: list[list[int]]) -> None:
        self.draws, self.lessons = list(draws), list[tuple[list[int], float]]()

    def sample(self, rng: nas.Rng) -> list[int]:
        return self.draws.pop(0)

    def learn(self, positions: list[int], advantage: float) -> None:
        self.lessons.append((positions, advantage))


def test_a_reward_is_credited_to_the_architecture_that_was_evaluated() -> None:
    strategy = started()
    drawn = [[0, -1, -1], [1, 0, -1], [2, 3, 1]]
    strategy._policy = spy = Spy(drawn)
    asked = [strategy.ask(random.Random(0)).architecture for _ in drawn]
    for number, (i, loss) in enumerate([(2, 0.3), (0, 0.1), (1, 0.9)]):  # told in another order
        strategy.tell(complete(number, asked[i], loss))
    assert [positions for positions, _ in spy.lessons] == [drawn[2], drawn[0], drawn[1]]
    first, best, worst = (advantage for _, advantage in spy.lessons)
    assert first == 0.0, "nothing to compare with"
    assert best > 0 > worst


def test_what_the_policy_did_not_draw_brings_no_reward() -> None:
    strategy = started()
    strategy._policy = spy = Spy([[0, -1, -1], [1, 0, -1]])
    for number, drawn in enumerate([[0, -1, -1], [1, 0, -1]]):
        asked = strategy.ask(random.Random(0)).architecture
        assert SPACE.encode(asked).tolist() == drawn
        stranger = SPACE.decode([2, 3, number])
        strategy.tell(complete(number, stranger, float(number)))
    assert [advantage for _, advantage in spy.lessons] == [0.0, 0.0]


def test_what_is_drawn_again_is_rewarded_again_at_once() -> None:
    strategy = started()
    strategy._policy = spy = Spy([[0, -1, -1], [1, 0, -1], [1, 0, -1]])
    bad, good = (strategy.ask(random.Random(0)).architecture for _ in range(2))
    strategy.tell(complete(0, bad, 1.0))
    strategy.tell(complete(1, good, 0.0))
    strategy.ask(random.Random(0))
    assert spy.lessons[-1][0] == [1, 0, -1]
    assert len(spy.lessons) == 3
    assert spy.lessons[-1][1] > 0


def test_rewards_have_no_scale() -> None:
    def lessons(scale: float, shift: float) -> list[float]:
        strategy = started()
        drawn = [[0, -1, -1], [1, 0, -1], [2, 0, -1], [2, 1, 0]]
        strategy._policy = spy = Spy(drawn)
        for number, loss in enumerate([0.5, 0.2, 0.9, 0.1]):
            asked = strategy.ask(random.Random(0)).architecture
            strategy.tell(complete(number, asked, shift + scale * loss))
        return [advantage for _, advantage in spy.lessons]

    assert lessons(1.0, 0.0) == lessons(1e9, -3.0) == lessons(1e-9, 0.0)


def test_failed_and_infeasible_trials_have_the_worst_rewards() -> None:
    strategy = started()
    drawn = [[0, -1, -1], [1, 0, -1], [2, 0, -1], [2, 1, 0]]
    strategy._policy = spy = Spy(drawn)
    asked = [strategy.ask(random.Random(0)).architecture for _ in drawn]
    strategy.tell(complete(0, asked[0], 5.0))
    strategy.tell(complete(1, asked[1], 9.0))
    strategy.tell(nas.Trial(2, asked[2], nas.Status.INFEASIBLE, violation=0.1))
    strategy.tell(
        nas.Trial(3, asked[3], nas.Status.FAILED, failure=nas.Failure("error", "no luck"))
    )
    assert spy.lessons[2][1] < 0
    assert spy.lessons[3][1] < 0


@every_controller
def test_leaves_torchs_global_generator_alone(controller: str) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    strategy = started(controller=controller)
    for number in range(5):
        asked = strategy.ask(random.Random(number)).architecture
        strategy.tell(complete(number, asked, float(number)))
    assert torch.equal(torch.rand(3), expected)


def test_learns_where_the_caller_wants_no_gradients() -> None:
    with torch.no_grad():
        policy = made("lstm")
        for _ in range(30):
            policy.learn([1, 2, 0], 0.5)
    assert frequency(policy, [1, 2, 0], draws=100) > 0.3


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"controller": "lstn"}, "Did you mean 'lstm'"),
        ({"rate": 0}, "rate must be a finite number above 0"),
        ({"momentum": 1.0}, "momentum must be a finite number of at least 0 and below 1"),
        ({"entropy": -1}, "entropy must be a finite number of at least 0"),
        ({"window": 1}, "window must be a whole number of at least 2"),
    ],
)
def test_refuses_what_cannot_work(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(nas.ComponentError, match=message):
        nas.strategy("reinforce", **parameters)

"""Laws of search spaces."""

from __future__ import annotations

import nas
from nas.seeds import Rng
from nas.testing.law import law, require
from nas.testing.subject import Subject
from nas.testing.tries import for_all, for_members

COUNTED = 500
"""A space that is not larger is enumerated."""


@law("space")
def decisions_stay_the_same(subject: Subject) -> None:
    """Its decisions are the same whenever they are asked for, and there are as many as it says.

    They are read once for each space and kept. Make them from parameters alone: no random
    draws, no files that change, no state.
    """
    space = subject.build()
    first, again = list(space.decisions), list(space.decisions)
    require(first == again, f"decisions gave {first} first, then {again}")
    other = list(subject.build().decisions)
    require(first == other, f"built again, it decides {other}, not {first}")
    if space.size <= COUNTED:
        found = len(set(space.architectures()))
        require(found == space.size, f"size is {space.size}, but there are {found} architectures")


@law("space")
def samples_are_members(subject: Subject) -> None:
    """What is drawn is a member of the space.

    `sample` follows from the decisions; a space that overrides it makes architectures that
    nothing else can read.
    """
    space = subject.build()

    def holds(rng: Rng) -> None:
        member = space.sample(rng)
        require(member in space, f"the space does not contain what it has drawn: {dict(member)}")

    for_all(holds)


@law("space")
def mutants_differ_and_stay_inside(subject: Subject) -> None:
    """A mutant is another member of the space; itself only if there is no other.

    A mutant that is its parent wastes a trial in every evolutionary search.
    """
    space = subject.build()

    def holds(member: nas.Architecture, rng: Rng) -> None:
        mutant = space.mutate(member, rng)
        require(mutant in space, f"the mutant {dict(mutant)} is no member")
        alone = not space.neighbours(member)
        require(alone or mutant != member, "the mutant is the architecture itself")

    for_members(space, holds)


@law("space")
def decode_inverts_encode(subject: Subject) -> None:
    """Decoding an encoded architecture gives it back.

    Predictors and optimizers work on encodings; what comes back must be what went in.
    """
    space = subject.build()

    def holds(member: nas.Architecture, _: Rng) -> None:
        back = space.decode(space.encode(member))
        require(back == member, f"decode(encode(a)) gave {dict(back)}")

    for_members(space, holds)


@law("space")
def text_and_json_round_trip(subject: Subject) -> None:
    """What is written, in the space's own form or as JSON, is read as the same architecture.

    The archive keeps JSON, people and tables use `format`. Override `parse` whenever you
    override `format`.
    """
    space = subject.build()

    def holds(member: nas.Architecture, _: Rng) -> None:
        text = space.format(member)
        back = space.parse(text)
        require(back == member, f"parse({text!r}) gave {dict(back)}")
        back = space.architecture(nas.Architecture.from_json(member.to_json()))
        require(back == member, f"from JSON came {dict(back)}")

    for_members(space, holds)


@law("space")
def canonical_id_is_stable(subject: Subject) -> None:
    """The canonical id depends on the decisions alone: not on their order, nor on the object.

    Ids are compared across processes and archives: no `hash()`, `id()` or set order may go into
    `canonical_form`.
    """
    space, other = subject.build(), subject.build()

    def holds(member: nas.Architecture, _: Rng) -> None:
        ids = {
            "asked again": space.canonical_id(member),
            "with the decisions in reverse": space.canonical_id(
                nas.Architecture(reversed(list(member.items())))
            ),
            "of the space built again": other.canonical_id(member),
        }
        first = space.canonical_id(member)
        for how, found in ids.items():
            require(found == first, f"the canonical id is {first}; {how} it is {found}")

    for_members(space, holds)

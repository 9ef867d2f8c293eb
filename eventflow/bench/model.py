"""What a benchmark compares, and what comes out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

OURS = "eventflow"
FASTEST = "the fastest correct peer"


@dataclass
class Contender:
    """One way to do the work of a case.

    Attributes:
        name: the library, or what stands for it.
        run: does all the work once. Its result is kept until the clock has stopped.
        seconds: the time of a run from its result, for runs that are not to be timed as a whole.
        wrong: why its result differs from ours; "" where it does not, or where nothing can be compared.
        peer: whether it is a library that others use instead; a floor or another of our own modes is none.
    """

    name: str
    run: Callable[[], Any]
    seconds: Callable[[Any], float] | None = None
    wrong: str = ""
    peer: bool = True


@dataclass(frozen=True)
class AtLeast:
    """A target: our rate is at least `ratio` times that of `against`."""

    ratio: float
    against: str = FASTEST


@dataclass(frozen=True)
class Limit:
    """A target: our value is at most (or at least) `value` in the row's unit."""

    value: float
    sense: Literal["at most", "at least"] = "at most"


@dataclass
class Case:
    """Contenders that do the same work.

    Attributes:
        name: dotted, beginning with the benchmark: `decode.evt3_sparse.whole`.
        what: the same for people.
        events: events in one run.
        contenders: the first is ours.
        check: says why the result of a peer differs from ours, "" where it does not. Called once for each.
        targets: what ours is to reach.
        floor: the highest rate memory allows, Mev/s.
        note: what a reader must know to judge the row.
        rounds: how many turns every contender has at least.
    """

    name: str
    what: str
    events: int
    contenders: list[Contender]
    check: Callable[[Any, Any], str] | None = None
    targets: list[AtLeast] = field(default_factory=list)
    floor: float | None = None
    note: str = ""
    rounds: int = 3


@dataclass(frozen=True)
class Reading:
    """What one contender reached.

    Attributes:
        best: of all repetitions, in the row's unit.
        median: likewise.
        ratio: ours over this one, median over the rounds; None for ours.
        wrong: why it does not count, "" where it does.
    """

    best: float
    median: float
    ratio: float | None = None
    wrong: str = ""
    peer: bool = True


@dataclass
class Row:
    """One line of a table.

    Attributes:
        unit: of all values.
        ours: what eventflow reached; None where it could not be measured, and `note` says why.
        others: by name.
        verdicts: a sentence for each target and whether it is met.
    """

    name: str
    what: str
    unit: str
    ours: Reading | None
    others: dict[str, Reading] = field(default_factory=dict)
    verdicts: list[tuple[str, bool]] = field(default_factory=list)
    floor: float | None = None
    note: str = ""


def judged(targets: list[AtLeast], others: dict[str, Reading]) -> list[tuple[str, bool]]:
    """Return what became of each target; those against a peer that did not run are left out."""
    verdicts = []
    correct = {name: reading for name, reading in others.items() if not reading.wrong and reading.peer}
    for target in targets:
        against = target.against
        if against == FASTEST and correct:
            against = max(correct, key=lambda name: correct[name].best)
        reading = others.get(against)
        if reading is not None and reading.ratio is not None and not reading.wrong:
            sentence = f"{reading.ratio:.2f}x {against} (≥ {target.ratio:g}x)"
            verdicts.append((sentence, reading.ratio >= target.ratio))
    return verdicts


def measured(name: str, what: str, unit: str, values: list[float], target: Limit | None = None, note: str = "") -> Row:
    """Return the row of a value that is not a rate: less is better unless its target says otherwise."""
    ordered = sorted(values)
    rising = target is not None and target.sense == "at least"
    best, median = ordered[-1 if rising else 0], ordered[len(ordered) // 2]
    verdicts = []
    if target is not None:
        met = best >= target.value if rising else best <= target.value
        verdicts = [(f"{best:.3g} {unit} ({'≥' if rising else '≤'} {target.value:g})", met)]
    return Row(name, what, unit, Reading(best, median), verdicts=verdicts, note=note)

"""Taking turns: the only fair clock on a machine that does other things too."""

from __future__ import annotations

import gc
import os
import statistics
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from eventflow.bench.model import OURS, Case, Contender, Reading, Row, judged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Clock = Callable[[], float]

MOST_ROUNDS = 25


def race(case: Case, seconds: float, *, clock: Clock = time.perf_counter) -> Row:
    """Run a case and return its row, rates in Mev/s.

    Args:
        case: the first contender is ours and sets what is correct.
        seconds: how long to go on once every contender had its turns.
        clock: what tells the time, s.
    """
    contenders = _warmed(case)
    times = _rounds(contenders, seconds, clock, case.rounds)
    rates = {name: [case.events / each / 1e6 for each in times[name]] for name in times}
    ours = rates.pop(OURS)
    others = {}
    for contender in contenders[1:]:
        theirs = rates[contender.name]
        ratio = statistics.median(mine / other for mine, other in zip(ours, theirs, strict=True))
        others[contender.name] = Reading(max(theirs), statistics.median(theirs), ratio, contender.wrong, contender.peer)
    verdicts = judged(case.targets, others)
    reading = Reading(max(ours), statistics.median(ours))
    return Row(case.name, case.what, "Mev/s", reading, others, verdicts, case.floor, case.note)


def _warmed(case: Case) -> list[Contender]:
    """Run each contender once, compare its result with ours and leave out those that fail."""
    ours = case.contenders[0]
    expected = ours.run()
    ready = [ours]
    for contender in case.contenders[1:]:
        try:
            result = contender.run()
            if contender.peer and case.check is not None:
                contender.wrong = case.check(result, expected)
        except Exception as error:  # whatever a peer does, the others are still measured
            case.note += f"{contender.name} failed: {type(error).__name__}: {str(error)[:120]}. "
            continue
        ready.append(contender)
        del result
    return ready


def _rounds(contenders: list[Contender], seconds: float, clock: Clock, least: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    begun = time.perf_counter()
    for turn in range(MOST_ROUNDS):
        if turn >= least and time.perf_counter() - begun > seconds:
            break
        for contender in contenders if turn % 2 == 0 else contenders[::-1]:
            times[contender.name].append(seconds_of(contender, clock))
    return times


def seconds_of(contender: Contender, clock: Clock = time.perf_counter) -> float:
    """Return how long one run takes, s, with the garbage collector held back."""
    gc.collect()
    gc.disable()
    try:
        begun = clock()
        result = contender.run()
        took = clock() - begun
    finally:
        gc.enable()
    return took if contender.seconds is None else contender.seconds(result)


@contextmanager
def one_core() -> Iterator[None]:
    """Keep every thread of this process on one core, where the system can."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    allowed = os.sched_getaffinity(0)
    _pin({max(allowed)})
    try:
        yield
    finally:
        _pin(allowed)


def _pin(cores: set[int]) -> None:
    for task in Path("/proc/self/task").iterdir():
        with suppress(OSError):  # a thread may just have ended
            os.sched_setaffinity(int(task.name), cores)

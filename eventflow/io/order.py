"""Time order: what is done where a recording's time steps back.

keep    nothing; packets with such a step say `ordered=False`
clamp   the event gets the largest time so far; a step back of more than `max_backstep` is no jitter but a
        discontinuity: an error, or with on_jump="reset" a Jump between two packets, after which time starts afresh
drop    the event is left out
fail    an error

All of it happens event by event, so it does not matter how the stream was cut into packets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import numpy as np

from eventflow.errors import DamagedRecordingError, ParameterError
from eventflow.kernels.jit import jit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventflow.io.decoder import Batch

Backwards = Literal["keep", "clamp", "drop", "fail"]
OnJump = Literal["fail", "reset"]

_KEEP, _CLAMP, _DROP, _FAIL = range(4)
_CODES: Final[Mapping[str, int]] = {"keep": _KEEP, "clamp": _CLAMP, "drop": _DROP, "fail": _FAIL}
_NO_LABELS, _NO_SCORES = np.empty(0, np.uint8), np.empty(0, np.float32)
BEFORE_ALL_TIME: Final = -(2**63)


@dataclass(frozen=True, slots=True)
class Jump:
    """Time starts afresh between two packets: what was remembered of the events before is void.

    Attributes:
        t_before: largest time before, µs.
        t_after: time of the next event, µs.
        index: number of the next event in the recording, from 0.
    """

    t_before: int
    t_after: int
    index: int


@jit
def _count_steps_back(halves: Any, start: int, stop: int, last: int) -> int:  # pragma: no cover
    """Count events earlier than the one before them; `halves` are the records as int64, two an event."""
    if start >= stop:
        return 0
    back = 1 if halves[2 * start] < last else 0
    times = halves[2 * start : 2 * stop]
    for i in range(1, len(times) >> 1):
        back += times[2 * i] < times[2 * i - 2]
    return back


@jit
def _mend(  # pragma: no cover
    halves: Any,
    labels: Any,
    scores: Any,
    start: int,
    stop: int,
    code: int,
    last: int,
    highest: int,
    limit: int,
) -> Any:
    kept = start
    back = 0
    mended = 0
    for i in range(start, stop):
        t = halves[2 * i]
        if t < last:
            back += 1
        if t < highest and code != 0:
            if code == 3 or (code == 1 and highest - t > limit):
                return kept, i, back, mended, last, highest
            mended += 1
            last = t
            if code == 2:
                continue
            halves[2 * i] = highest
        else:
            last = t
            highest = max(t, highest)
        if kept != i:
            halves[2 * kept] = halves[2 * i]
            halves[2 * kept + 1] = halves[2 * i + 1]
            if len(labels):
                labels[kept] = labels[i]
            if len(scores):
                scores[kept] = scores[i]
        kept += 1
    return kept, stop, back, mended, last, highest


class TimeOrder:
    """Applies one policy along a recording.

    Args:
        policy: keep, clamp, drop or fail.
        max_backstep: largest step back that clamp mends, µs.
        on_jump: what clamp does at a larger one.
        name: the recording, for messages.
        index: number of the first event in the recording, from 0.

    Attributes:
        repaired: events mended ("clamped") or left out ("backwards") so far.
        steps_back: events earlier than the event before them so far.
        jump: the discontinuity that ended the last `apply` early, or None.
    """

    def __init__(self, policy: Backwards, *, max_backstep: int, on_jump: OnJump, name: str, index: int = 0) -> None:
        _check("backwards", policy, get_args(Backwards))
        _check("on_jump", on_jump, get_args(OnJump))
        self._policy, self._limit, self._on_jump, self._name = policy, max_backstep, on_jump, name
        self._last = self._highest = BEFORE_ALL_TIME
        self._index = index
        self.repaired: dict[str, int] = {}
        self.steps_back = 0
        self.jump: Jump | None = None

    @property
    def reached(self) -> int:
        """The largest time so far, µs."""
        return self._highest

    def passed(self, count: int) -> None:
        """Count events before the first that is looked at."""
        self._index += count

    def apply(self, batch: Batch, start: int, stop: int, known: int | None = None) -> tuple[int, int]:
        """Apply the policy to batch[start:stop]; return where the kept events end and where it stopped looking.

        `known` is the number of steps back up to `stop` where somebody counted them already.
        """
        self.jump = None
        halves = batch.records.view(np.int64)
        back = _count_steps_back(halves, start, stop, self._last) if known is None else known - self.steps_back
        # while nothing was mended, the last time is the highest: then no step back means nothing to do
        if stop > start and (self._policy == "keep" or (back == 0 and self._last == self._highest)):
            self._index += stop - start
            self.steps_back += int(back)
            self._last = self._highest = halves.item(2 * stop - 2)
            return stop, stop
        return self._mended(batch, start, stop)

    def _mended(self, batch: Batch, start: int, stop: int) -> tuple[int, int]:
        halves = batch.records.view(np.int64)
        labels = _NO_LABELS if batch.labels is None else batch.labels
        scores = _NO_SCORES if batch.scores is None else batch.scores
        kept, looked, back, mended, last, highest = _mend(
            halves, labels, scores, start, stop, _CODES[self._policy], self._last, self._highest, self._limit
        )
        self._index += looked - start
        self.steps_back += back
        if mended:
            reason = "clamped" if self._policy == "clamp" else "backwards"
            self.repaired[reason] = self.repaired.get(reason, 0) + mended
        if looked < stop:
            self._meet(int(highest), int(batch.records[looked]["t"]))
        else:
            self._last, self._highest = last, highest
        return kept, looked

    def _meet(self, before: int, after: int) -> None:
        if self._policy == "fail":
            raise DamagedRecordingError(
                f"{self._name}: event {self._index} has t={after} µs after t={before} µs; "
                "choose backwards='keep', 'clamp' or 'drop' to accept it"
            )
        if self._on_jump == "fail":
            raise DamagedRecordingError(
                f"{self._name}: at event {self._index} time jumps back from {before} to {after} µs, more than "
                f"max_backstep={self._limit} µs; choose on_jump='reset' to start afresh there, or a larger max_backstep"
            )
        self.jump = Jump(before, after, self._index)
        self._last = self._highest = BEFORE_ALL_TIME


def _check(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ParameterError(f"{name}={value!r} is not allowed; choose {', '.join(allowed)}")


@jit
def first_at_or_after(halves: Any, start: int, stop: int, t: int) -> int:  # pragma: no cover
    """Return the index of the first event from start to stop with time >= t (µs), or stop."""
    for i in range(start, stop):
        if halves[2 * i] >= t:
            return i
    return stop

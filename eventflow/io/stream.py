"""From a decoder to packets: time order, time window and origin, applied as events leave the decoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eventflow.events import Events
from eventflow.io.decoder import Batch
from eventflow.io.order import Jump, TimeOrder, first_at_or_after
from eventflow.messages import Reset

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventflow.io.decoder import Decoder
    from eventflow.io.origin import Origin as Origin


class EventStream:
    """One pass over a recording.

    Args:
        decoder: where the events come from.
        order: what is done about time that steps back.
        start: leave out everything before the first event at or after this time, µs.
        end: stop before the first event at or after this time, µs.
        origin: which time becomes 0 (see origin.py); `start` and `end` are times after the shift.
        shift: that time, µs. For "zero" it may be None: the first event says, and the decoder was not sent ahead.

    Attributes:
        shift: µs subtracted from every time, None before the first event.
        ended: whether the last event was given out.
    """

    def __init__(
        self,
        decoder: Decoder,
        order: TimeOrder,
        *,
        start: int | None,
        end: int | None,
        origin: Origin,
        shift: int | None = None,
    ) -> None:
        self.decoder, self.order = decoder, order
        self._start, self._end = start, end
        self.shift = 0 if origin == "raw" else shift
        self.ended = False
        self._steps_before: int | None = 0 if start is None else None
        self._rest: Batch | None = None
        self._jumped: Jump | None = None

    def items(self, packet_events: int) -> Iterator[Events | Jump]:
        """Yield packets of exactly `packet_events` events, fewer at the end and before a Jump."""
        info = self.decoder.info
        while not self.ended:
            batch = Batch(packet_events, self.decoder.columns)
            steps_back = self.order.steps_back
            count = self.fill(batch, 0)
            if count:
                ordered = True if self.order.steps_back == steps_back else None
                yield packet_of(batch, count, info.width, info.height, ordered)
            if self._jumped is not None:
                yield self._jumped
                self._jumped = None

    def fill(self, batch: Batch, have: int) -> int:
        """Fill `batch` from index `have` on and return where it ends: early only at the end or before a Jump."""
        while have < len(batch) and not self.ended and self._jumped is None:
            stop = self._more(batch, have)
            if stop == have:
                self.ended = True
                break
            have = self._accept(batch, have, stop)
        return have

    def fill_through(self, batch: Batch, have: int) -> int:
        """Like `fill`, but go on where time jumps: early only at the end."""
        have = self.fill(batch, have)
        while self._jumped is not None:
            self._jumped = None
            have = self.fill(batch, have)
        return have

    def _more(self, batch: Batch, have: int) -> int:
        if self._rest is None:
            return self.decoder.fill(batch, have)
        rest, self._rest = self._rest, None
        stop = min(len(batch), have + len(rest))
        taken = stop - have
        for target, source in zip(batch.arrays, rest.arrays, strict=True):
            target[have:stop] = source[:taken]
        self._keep_rest(rest, taken, len(rest))
        return stop

    def _keep_rest(self, batch: Batch, start: int, stop: int) -> None:
        if start < stop:
            rest = Batch(stop - start, self.decoder.columns)
            for target, source in zip(rest.arrays, batch.arrays, strict=True):
                target[:] = source[start:stop]
            self._rest = rest

    def _accept(self, batch: Batch, start: int, stop: int) -> int:
        if self._start is not None:
            stop = self._from_start(batch, start, stop)
            self._steps_before = None  # the decoder counted those that were left out, too
        kept, looked = self.order.apply(batch, start, stop, self._steps_back())
        self._jumped = self.order.jump
        self._keep_rest(batch, looked, stop)
        if self._rest is None and self.decoder.steps_back is not None:
            self._steps_before = self.decoder.steps_back - self.order.steps_back
        if self.shift is None and kept > start:
            self.shift = int(batch.records[start]["t"])
        return self._cut(batch, start, kept)

    def _steps_back(self) -> int | None:
        """Return the steps back since `start` that the decoder counted, None where that is not known."""
        counted = self.decoder.steps_back
        if counted is None or self._steps_before is None or self._rest is not None:
            return None
        return counted - self._steps_before

    def _from_start(self, batch: Batch, start: int, stop: int) -> int:
        """Leave out what precedes the first event at or after `start`, which is not looked at in any other way."""
        assert self._start is not None
        if self.shift is None and stop > start:
            self.shift = int(batch.records[start]["t"])
        first = int(first_at_or_after(batch.records.view(np.int64), start, stop, self._start + (self.shift or 0)))
        self.order.passed(first - start)
        if first < stop:
            self._start = None
        if first > start:
            for array in batch.arrays:
                array[start : start + stop - first] = array[first:stop].copy()
        return start + stop - first

    def _cut(self, batch: Batch, start: int, stop: int) -> int:
        shift = self.shift or 0
        if self._end is not None:
            cut = first_at_or_after(batch.records.view(np.int64), start, stop, self._end + shift)
            self.ended = cut < stop
            stop = int(cut)
        if shift:
            batch.records["t"][start:stop] -= shift
        return stop


def packet_of(batch: Batch, count: int, width: int, height: int, ordered: bool | None) -> Events:
    """Return the first `count` events of a batch as a packet, which the batch's memory then belongs to."""
    labels = None if batch.labels is None else batch.labels[:count]
    scores = None if batch.scores is None else batch.scores[:count]
    return Events(batch.records[:count], width, height, ordered=ordered, labels=labels, scores=scores)


def mended_packets(order: TimeOrder, batch: Batch, made: int, width: int, height: int) -> Iterator[Events | Reset]:
    """Yield the first `made` events of a batch in time order, and a Reset wherever time starts afresh."""
    start = 0
    while start < made:
        kept, looked = order.apply(batch, start, made)
        if kept > start:
            yield packet_of(batch, kept, width, height, True)[start:]
        if order.jump is not None:
            yield Reset(f"time jumped from {order.jump.t_before} to {order.jump.t_after} µs")
        start = looked

"""Places in a recording to go on from, so that its end is reached without decoding all that is before it.

A mark lies after every few MB. It says how many events came before it and the largest time among them: the first event
at or after a time lies behind the last mark whose events are all earlier, also where times step back.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from eventflow.io.decoder import Batch
from eventflow.io.tally import Tally

if TYPE_CHECKING:
    from eventflow.io.decoder import Decoder

MARK_BYTES = 4 << 20
"""How much of a file lies between two marks."""

MARK_EVENTS = 4 << 20
"""How many events lie between two marks at most."""

_BATCH_EVENTS: Final = 1 << 16
_Values = dict[str, Any]


@dataclass
class TimeIndex:
    """The marks of a recording, from its beginning to where somebody read so far.

    Attributes:
        events: for each mark how many events are before it.
        highest: for each mark the largest time before it, µs; it never falls.
        states: for each mark the decoder's own values, as `Decoder.mark` gave them.
        tally: what was counted up to the last mark, or to the end; see Tally.values.
        skipped: likewise, by reason.
        noted: likewise, by reason.
        complete: whether the end was reached.
    """

    events: list[int] = field(default_factory=list)
    highest: list[int] = field(default_factory=list)
    states: list[_Values] = field(default_factory=list)
    tally: list[int] = field(default_factory=list)
    skipped: dict[str, int] = field(default_factory=dict)
    noted: dict[str, int] = field(default_factory=dict)
    complete: bool = False

    def __len__(self) -> int:
        return len(self.states)

    def reaches(self, t: int) -> bool:
        """Return whether nothing is gained by reading on for the sake of time `t` (µs)."""
        return self.complete or bool(self.highest and self.highest[-1] >= t)

    def place_of(self, t: int) -> int | None:
        """Return the last mark that only events before `t` (µs) precede, None where that is the beginning."""
        number = bisect_left(self.highest, t)
        return number - 1 if number else None

    def extend(self, decoder: Decoder, until: int | None = None) -> None:
        """Read on from the last mark to the first mark with an event at or after `until` (µs) before it, or to the end.

        Args:
            decoder: a fresh one over the recording.
            until: None is the end.
        """
        if self.complete:
            return
        if self.states:
            decoder.resume(self.states[-1])
        tally = Tally(self.tally or None)
        batch = Batch(_BATCH_EVENTS, decoder.columns)
        bytes_then, events_then = decoder.decoded_bytes, tally.events
        while stop := decoder.fill(batch, 0):
            tally.take(batch.records, 0, stop)
            far = decoder.decoded_bytes - bytes_then >= MARK_BYTES or tally.events - events_then >= MARK_EVENTS
            if far and self._add(decoder, tally):
                bytes_then, events_then = decoder.decoded_bytes, tally.events
                if until is not None and tally.highest >= until:
                    return
        self._note(decoder, tally)
        self.complete = True

    def _add(self, decoder: Decoder, tally: Tally) -> bool:
        """Add a mark, where the decoder has one here."""
        state = decoder.mark()
        if state is None:
            return False
        self.events.append(tally.events)
        self.highest.append(tally.highest)
        self.states.append(plain(state))
        self._note(decoder, tally)
        return True

    def _note(self, decoder: Decoder, tally: Tally) -> None:
        self.tally = tally.values
        self.skipped, self.noted = dict(decoder.skipped), dict(decoder.noted)


def has_marks(decoder: Decoder) -> bool:
    """Return whether a fresh decoder can be sent to a mark."""
    return decoder.mark() is not None


def plain(state: _Values) -> _Values:
    """Return a mark's values as they come back from a file: plain, lists for tuples and arrays."""
    values: _Values = msgspec.msgpack.decode(msgspec.msgpack.encode(state, enc_hook=_plain_value))
    return values


def _plain_value(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"a mark holds plain values only, not {type(value).__name__}")

"""Prophesee RAW, EVT 3.0: 16-bit words; a row, then single events or vectors of up to 12 pixels.

Rules where decoders differ: a new TIME_HIGH sets TIME_LOW to 0; the 24-bit time wraps only where TIME_HIGH falls by
half its range or more; a TIME_LOW that falls is a real step back; a vector moves its base on even when it is empty;
bit 11 of a row (the slave camera) is masked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from eventflow.io import evt3_kernels as kernels
from eventflow.io.evt import Clock, RawDecoder
from eventflow.io.evt3_encoding import open_encoder as open_encoder
from eventflow.io.order import BEFORE_ALL_TIME

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eventflow.io.source import ByteSource

NAME: Final = "evt3"


class Evt3Decoder(RawDecoder):
    """One pass over an EVT 3.0 file."""

    word = "<u2"
    counts: ClassVar[dict[str, int]] = {
        "before_time": kernels.BEFORE_TIME,
        "before_address": kernels.BEFORE_ADDRESS,
        "outside": kernels.OUTSIDE,
        "reserved": kernels.RESERVED,
    }
    counters: ClassVar[list[int]] = [*counts.values(), kernels.STEPS_BACK]
    clock = Clock(kernels.EPOCH, kernels.HIGH, kernels.LAST, kernels.HIGH_WRAP, kernels.WRAP_US)

    @property
    def steps_back(self) -> int:  # type: ignore[override]
        """Events earlier than the one before them so far."""
        return int(self.state[kernels.STEPS_BACK])

    def first_state(self) -> NDArray[np.int64]:
        """Return the state before the first word."""
        state = np.zeros(kernels.SLOTS, np.int64)
        state[kernels.EPOCH] = self.t0
        state[kernels.HIGH] = state[kernels.BASE] = -1
        state[kernels.LAST] = BEFORE_ALL_TIME
        return state

    def decode(
        self, words: NDArray[Any], i: int, out: NDArray[np.int64], n: int, state: NDArray[np.int64]
    ) -> tuple[int, int]:
        """Decode words; see RawDecoder.decode."""
        size = self.info.width, self.info.height
        return kernels.decode(words, i, out, n, len(out) // 2, *size, state, kernels.BY_KIND, kernels.PLACES)  # type: ignore[no-any-return]

    def openeb_time(self, first_high: int) -> int:
        """Return the time that OpenEB makes 0; see RawDecoder.openeb_time."""
        return (first_high - 1) << 12

    def survey(self, words: NDArray[Any]) -> tuple[int, int]:
        """Count the events words may hold; see RawDecoder.survey."""
        return kernels.survey(words)  # type: ignore[no-any-return]

    def memory_of(self, state: NDArray[np.int64]) -> tuple[int, ...]:
        """Return what matters to the words that follow; see RawDecoder.memory_of."""
        return tuple((state[list(kernels.MEMORY)] & kernels.MEMORY_BITS).tolist())

    @property
    def pending_events(self) -> int:
        """How many events are left of a vector."""
        return int(self.state[kernels.MASK]).bit_count()

    def collect(self, columns: tuple[NDArray[Any], ...], start: int) -> tuple[int, int]:
        """Collect the triggers of the current chunk; see RawDecoder.collect."""
        words = self._chunks
        return kernels.collect_triggers(words.words, words.cursor, *columns, start, self.state)  # type: ignore[no-any-return]


def open_decoder(source: ByteSource, *, width: int | None = None, height: int | None = None) -> RawDecoder:
    """Return a decoder of an EVT 3.0 source; `width` and `height` in px serve where its header does not say."""
    return Evt3Decoder.opened(source, NAME, width, height)

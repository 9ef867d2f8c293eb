"""Prophesee RAW, EVT 2.0: 32-bit words, one event each; the upper 28 bits of time in words of their own.

The 34-bit time (4 h 46 min) is continued where TIME_HIGH falls by half its range or more. Events before the first
TIME_HIGH have no time and are counted as `before_time`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from eventflow.io import evt2_kernels as kernels
from eventflow.io.evt import Clock, RawDecoder
from eventflow.io.evt2_encoding import open_encoder as open_encoder

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eventflow.io.source import ByteSource

NAME: Final = "evt2"


class Evt2Decoder(RawDecoder):
    """One pass over an EVT 2.0 file."""

    word = "<u4"
    counts: ClassVar[dict[str, int]] = {
        "before_time": kernels.BEFORE_TIME,
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
        state[kernels.HIGH] = state[kernels.LAST] = -1
        return state

    def decode(
        self, words: NDArray[Any], i: int, out: NDArray[np.int64], n: int, state: NDArray[np.int64]
    ) -> tuple[int, int]:
        """Decode words; see RawDecoder.decode."""
        size = self.info.width, self.info.height
        return kernels.decode(words, i, out, n, len(out) // 2, *size, state)  # type: ignore[no-any-return]

    def survey(self, words: NDArray[Any]) -> tuple[int, int]:
        """Count the events words may hold; see RawDecoder.survey."""
        return kernels.survey(words)  # type: ignore[no-any-return]

    def memory_of(self, state: NDArray[np.int64]) -> tuple[int, ...]:
        """Return what matters to the words that follow; see RawDecoder.memory_of."""
        return (int(state[kernels.HIGH]),)

    def collect(self, columns: tuple[NDArray[Any], ...], start: int) -> tuple[int, int]:
        """Collect the triggers of the current chunk; see RawDecoder.collect."""
        words = self._chunks
        return kernels.collect_triggers(words.words, words.cursor, *columns, start, self.state)  # type: ignore[no-any-return]


def open_decoder(source: ByteSource, *, width: int | None = None, height: int | None = None) -> RawDecoder:
    """Return a decoder of an EVT 2.0 source; `width` and `height` in px serve where its header does not say."""
    return Evt2Decoder.opened(source, NAME, width, height)

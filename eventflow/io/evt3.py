"""Prophesee RAW, EVT 3.0: 16-bit words; a row, then single events or vectors of up to 12 pixels.

Rules where decoders differ: a new TIME_HIGH sets TIME_LOW to 0; the 24-bit time wraps only where TIME_HIGH falls by
half its range or more; a TIME_LOW that falls is a real step back; a vector moves its base on even when it is empty;
bit 11 of a row (the slave camera) is masked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from eventflow.io import evt3_kernels
from eventflow.io.evt import RawDecoder
from eventflow.io.evt3_encoding import open_encoder as open_encoder

if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

    from eventflow.io.source import ByteSource

NAME: Final = "evt3"


class Evt3Decoder(RawDecoder):
    """One pass over an EVT 3.0 file."""

    word = "<u2"
    kernels = evt3_kernels
    trigger_kind = (12, 0xA)

    def first_state(self) -> NDArray[np.int64]:
        """Return the state before the first word."""
        state = super().first_state()
        state[evt3_kernels.BASE] = -1
        return state

    def openeb_time(self, first_high: int) -> int:
        """Return the time that OpenEB makes 0; see RawDecoder.openeb_time."""
        return (first_high - 1) << 12

    def decode(
        self, words: NDArray[Any], i: int, out: NDArray[np.int64], n: int, state: NDArray[np.int64]
    ) -> tuple[int, int]:
        """Decode words; see RawDecoder.decode."""
        size, tables = (self.info.width, self.info.height), (evt3_kernels.BY_KIND, evt3_kernels.PLACES)
        return evt3_kernels.decode(words, i, out, n, len(out) // 2, *size, state, *tables)  # type: ignore[no-any-return]


def open_decoder(source: ByteSource, *, width: int | None = None, height: int | None = None) -> RawDecoder:
    """Return a decoder of an EVT 3.0 source; `width` and `height` in px serve where its header does not say."""
    return Evt3Decoder.opened(source, NAME, width, height)

"""Prophesee RAW, EVT 4: 32-bit words, one event each, or two words for up to 32 pixels of a row.

There is no public specification. What is known is what the open driver of the maker decodes: a type in the upper four
bits, 0xE TIME_HIGH (28 bits of 64 µs), 0xA and 0xB an OFF or ON event and 0xC and 0xD the first word of a vector (all
four with 6 bits of time, 11 of x and 11 of y), whose next word is a mask of pixels to the right of x, 0x9 an external
trigger as in EVT 2.0, 0x6 and 0x7 monitoring data, which is passed over, and 0xFFFFFFFF padding. Not known is whether
cameras write anything else; other words are counted as `reserved`. No recording was at hand to try it on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from eventflow.io import evt4_kernels
from eventflow.io.evt import RawDecoder

if TYPE_CHECKING:
    from eventflow.io.source import ByteSource

NAME: Final = "evt4"


class Evt4Decoder(RawDecoder):
    """One pass over an EVT 4 file."""

    word = "<u4"
    kernels = evt4_kernels


def open_decoder(source: ByteSource, *, width: int | None = None, height: int | None = None) -> RawDecoder:
    """Return a decoder of an EVT 4 source; `width` and `height` in px serve where its header does not say."""
    return Evt4Decoder.opened(source, NAME, width, height)

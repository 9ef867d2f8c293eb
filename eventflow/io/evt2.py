"""Prophesee RAW, EVT 2.0: 32-bit words, one event each; the upper 28 bits of time in words of their own.

The 34-bit time (4 h 46 min) is continued where TIME_HIGH falls by half its range or more. Events before the first
TIME_HIGH have no time and are counted as `before_time`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from eventflow.io import evt2_kernels
from eventflow.io.evt import RawDecoder
from eventflow.io.evt2_encoding import open_encoder as open_encoder

if TYPE_CHECKING:
    from eventflow.io.source import ByteSource

NAME: Final = "evt2"


class Evt2Decoder(RawDecoder):
    """One pass over an EVT 2.0 file."""

    word = "<u4"
    kernels = evt2_kernels
    trigger_kind = (28, 0xA)


def open_decoder(source: ByteSource, *, width: int | None = None, height: int | None = None) -> RawDecoder:
    """Return a decoder of an EVT 2.0 source; `width` and `height` in px serve where its header does not say."""
    return Evt2Decoder.opened(source, NAME, width, height)

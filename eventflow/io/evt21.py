"""Prophesee RAW, EVT 2.1: 64-bit words of up to 32 pixels of a row; time as in EVT 2.0.

The two halves of a word come in either order. `legacy` is what cameras before the GenX320 write: header, then mask;
`little` is a true little-endian word: mask, then header. The file's header says which (`endianness=`); where it does
not, a `system_ID` of 0x37 or more means little, and any other, or none, legacy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from eventflow.io import evt21_kernels
from eventflow.io.evt import RawDecoder, raw_info
from eventflow.io.evt21_encoding import open_encoder as open_encoder
from eventflow.io.prophesee import read_header

if TYPE_CHECKING:
    from eventflow.io.decoder import RecordingInfo
    from eventflow.io.prophesee import Header
    from eventflow.io.source import ByteSource

NAME: Final = "evt21"
HEADER_AT: Final = {"legacy": 0, "little": 32}
"""The lowest bit of the header half in a word read as little-endian, by layout."""

_FIRST_LITTLE_SYSTEM: Final = 0x37


class Evt21Decoder(RawDecoder):
    """One pass over an EVT 2.1 file."""

    word = "<i8"
    kernels = evt21_kernels

    def __init__(self, source: ByteSource, info: RecordingInfo, layout: str) -> None:
        super().__init__(source, info)
        self.options: tuple[Any, ...] = (HEADER_AT[layout],)
        self.trigger_kind = (HEADER_AT[layout] + 28, 0xA)


def open_decoder(source: ByteSource, *, width: int | None = None, height: int | None = None) -> Evt21Decoder:
    """Return a decoder of an EVT 2.1 source; `width` and `height` in px serve where its header does not say."""
    header = read_header(source)
    info = raw_info(source, NAME, header, width, height)
    layout = header.format_fields.get("endianness", header.entries.get("endianness", ""))
    if layout not in HEADER_AT:
        layout = "little" if _system(header) >= _FIRST_LITTLE_SYSTEM else "legacy"
        info.notes.append(f"the header does not say in which order a word's halves are: assumed {layout}")
    decoder = Evt21Decoder(source, info, layout)
    decoder.look_for_triggers()
    return decoder


def _system(header: Header) -> int:
    try:
        return int(header.entries.get("system_ID", ""), 0)
    except ValueError:
        return 0

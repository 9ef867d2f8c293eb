"""The chips whose addresses AEDAT 1 and 2 hold: where the bits of a pixel lie, and how the sensor is turned.

Files say the chip only in jAER's line `AEChip`; jAER's own way of reading is the default. Its origin is the lower left,
and columns of every chip here are counted from the right.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from eventflow.errors import ParameterError, RecordingError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eventflow.io.aedat_header import Header


@dataclass(frozen=True)
class Layout:
    """Where the bits of an address lie.

    Attributes:
        x_shift: lowest bit of the column; `x_bits` likewise, and so for the row.
        p_shift: bit of the polarity.
        on: its value where brightness grew.
        special: bits that mark what is no pixel's event.
        davis: whether bit 31 marks words of frames and inertial samples.
    """

    x_shift: int
    x_bits: int
    y_shift: int
    y_bits: int
    p_shift: int
    on: int
    special: int
    davis: bool = False


@dataclass(frozen=True)
class Chip:
    """A chip: name, size in px, layout, and the class that jAER knows it by."""

    name: str
    width: int
    height: int
    layout: Layout
    jaer: str


# jAER takes a set polarity bit of the DVS128 for OFF; the specification says ON
_DVS128: Final = Layout(x_shift=1, x_bits=7, y_shift=8, y_bits=7, p_shift=0, on=0, special=0x8000)
_DVS640: Final = Layout(x_shift=1, x_bits=10, y_shift=11, y_bits=10, p_shift=0, on=1, special=1 << 31)
_DAVIS: Final = Layout(
    x_shift=12, x_bits=10, y_shift=22, y_bits=9, p_shift=11, on=1, special=1 << 31 | 1 << 10, davis=True
)
_RETINA: Final = "ch.unizh.ini.jaer.chip.retina"
_DAVIS_CLASSES: Final = "eu.seebetter.ini.chips.davis"

CHIPS: Final = (
    Chip("dvs128", 128, 128, _DVS128, f"{_RETINA}.DVS128"),
    Chip("davis240", 240, 180, _DAVIS, f"{_DAVIS_CLASSES}.Davis240C"),
    Chip("davis346", 346, 260, _DAVIS, f"{_DAVIS_CLASSES}.Davis346blue"),
    Chip("davis640", 640, 480, _DAVIS, f"{_DAVIS_CLASSES}.Davis640"),
    Chip("davis208", 208, 192, _DAVIS, f"{_DAVIS_CLASSES}.Davis208PixelParade"),
    Chip("davis128", 128, 128, _DAVIS, f"{_DAVIS_CLASSES}.Davis128"),
    Chip("dvs640", 640, 480, _DVS640, f"{_RETINA}.DVS640"),
)
_GUESSED_DAVIS: Final = ("davis240", "davis346", "davis640")
_CLASS = re.compile(r"(?:.*\.)?(dvs|davis|sbret|seebetter|tmpdiff)_?(?:rgbw)?(\d+).*", re.I)
_SAME: Final = {"tmpdiff128": "dvs128", "sbret10": "davis240", "sbret20": "davis240"}


def chip_named(name: str) -> Chip:
    """Return the chip called `name`.

    Raises:
        ParameterError: there is none; the message lists all.
    """
    for chip in CHIPS:
        if chip.name == name:
            return chip
    raise ParameterError(f"chip={name!r} is not known; choose {', '.join(chip.name for chip in CHIPS)}")


def chip_of(header: Header, addresses: NDArray[np.uint32], path: str) -> tuple[Chip, str]:
    """Return the chip of a recording and, where it had to be assumed, a sentence that says so.

    Args:
        header: the file's.
        addresses: the first ones of the file.
        path: the file, for messages.

    Raises:
        RecordingError: the header names a chip that is not known here.
    """
    named = header.entries.get("AEChip", "").strip()
    if named:
        match = _CLASS.fullmatch(named)
        name = (match[1] + match[2]).lower() if match else ""
        for chip in CHIPS:
            if chip.name == _SAME.get(name, name):
                return chip, ""
        raise RecordingError(
            f"{path}: the header names the chip {named!r}, whose addresses are not known here; "
            f"pass chip= one of {', '.join(chip.name for chip in CHIPS)}"
        )
    chip = _guess(addresses)
    return chip, f"the header names no chip: assumed {chip.name} ({chip.width}x{chip.height}) from the first addresses"


def _guess(addresses: NDArray[np.uint32]) -> Chip:
    if len(addresses) == 0 or int(addresses.max()) <= 0xFFFF:
        return chip_named("dvs128")
    if int(addresses.max()) < 1 << 21:
        return chip_named("dvs640")
    pixels = addresses[addresses & np.uint32(_DAVIS.special) == 0]
    x, y = pixels >> 12 & 0x3FF, pixels >> 22 & 0x1FF
    found = (int(x.max()), int(y.max())) if len(pixels) else (0, 0)
    for name in _GUESSED_DAVIS:
        chip = chip_named(name)
        if found[0] < chip.width and found[1] < chip.height:
            return chip
    return chip_named(_GUESSED_DAVIS[-1])

"""The colours of a picture. A picture is an array of colour numbers, so that a GIF holds exactly what a video shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, get_args

import numpy as np

from eventflow.errors import ParameterError

if TYPE_CHECKING:
    from numpy.typing import NDArray

PaletteName = Literal["dark", "light", "gray"]

LEVELS: Final = 16
"""Steps between a fresh event and none."""
BACKGROUND: Final = 0
OFF: Final = 1
"""The freshest OFF is OFF + LEVELS - 1."""
ON: Final = OFF + LEVELS
TEXT: Final = ON + LEVELS
TRACKS: Final = TEXT + 1
TRACK_COLOURS: Final = 12

# background, OFF, ON, text
_ENDS: Final = {
    "dark": ((14, 15, 20), (64, 148, 255), (255, 168, 60), (190, 195, 205)),
    "light": ((250, 250, 248), (20, 90, 200), (214, 92, 20), (70, 74, 82)),
    "gray": ((96, 96, 96), (0, 0, 0), (255, 255, 255), (210, 210, 210)),
}
# hues far apart and away from the blue and orange of events
_TRACKS: Final = (
    (80, 250, 123), (255, 85, 160), (240, 240, 90), (170, 120, 255), (0, 230, 210), (255, 110, 85),
    (160, 255, 40), (255, 130, 255), (255, 255, 255), (60, 200, 90), (230, 60, 90), (130, 220, 255),
)  # fmt: skip


def palette(name: str = "dark") -> NDArray[np.uint8]:
    """Return the colours by number: uint8, shape (256, 3), RGB; unused numbers are black.

    Raises:
        ParameterError: no palette has the name.
    """
    if name not in _ENDS:
        raise ParameterError(f"palette={name!r} is not allowed; choose {', '.join(get_args(PaletteName))}")
    background, off, on, text = (np.array(colour, np.int64) for colour in _ENDS[name])
    colours = np.zeros((256, 3), np.uint8)
    colours[BACKGROUND] = background
    for level in range(1, LEVELS + 1):
        colours[OFF + level - 1] = background + (off - background) * level // LEVELS
        colours[ON + level - 1] = background + (on - background) * level // LEVELS
    colours[TEXT] = text
    colours[TRACKS : TRACKS + TRACK_COLOURS] = _TRACKS
    return colours

"""SCARF: a picture of the last events of each part of the sensor, however long ago they were.

The sensor is tiled by square receptive fields. Each remembers its last events, its own and those of a margin round it,
and forgets the oldest for each new one: where nothing moves the picture stays sharp instead of fading.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow.errors import ParameterError
from eventflow.kernels.jit import jit
from eventflow.kernels.pool import blank
from eventflow.kernels.windows import check_number
from eventflow.kernels.words import words_of, x_of, y_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eventflow.events import Events


class ReceptiveFields:
    """The memory of a SCARF picture on a `width` x `height` sensor.

    The set of centre active receptive fields of Ikura, Gava, Wu et al. 2026, "An event preserving velocity invariant
    representation for event cameras" (arXiv 2609.19973), as in robotology's event-driven library: a field has an active
    centre of `block` x `block` px and an inhibiting margin of `block // 2` px. An event enters the memory of
    every field whose centre or margin it lies in, which pushes out the oldest; only those in the centre are drawn.

    Args:
        width: sensor width, px.
        height: sensor height, px.
        block: side of a centre, px, 2 to 256.
        density: events that a field remembers, for each pixel of its centre, above 0 to 16.

    Attributes:
        counts: int64, shape (rows, columns): events that each field has seen.
        memory: int32, shape (rows, columns, depth): the pixels of its last events; -1 for none or in the margin.
    """

    def __init__(self, width: int, height: int, *, block: int = 14, density: float = 0.3) -> None:
        check_number("block", block, 2, 256)
        check_number("density", density, 1e-3, 16)
        self.width, self.height, self.block = width, height, block
        rows, columns = -(-height // block), -(-width // block)
        # centre and margin together are (2 block)^2 pixels, of which the centre is a quarter
        depth = max(1, round(4 * density * block * block))
        self.counts = np.zeros((rows, columns), np.int64)
        self.memory = np.full((rows, columns, depth), -1, np.int32)

    def push(self, events: Events) -> None:
        """Remember events, in the order in which they came.

        Raises:
            ParameterError: the events are of another sensor.
        """
        if (events.width, events.height) != (self.width, self.height):
            raise ParameterError(
                f"events of a {events.width}x{events.height} sensor for fields of {self.width}x{self.height}"
            )
        _remember(words_of(events), self.width, self.height, self.block, self.counts, self.memory)

    def picture(self, contribution: float = 1.0) -> NDArray[np.float32]:
        """Return `contribution` times how many remembered events each pixel has, at most 1: float32, (1, h, w)."""
        frame = blank((1, self.height, self.width), np.float32)
        frame[:] = 0
        _draw(self.memory.reshape(-1), np.float32(contribution), frame.reshape(-1))
        return frame


@jit
def _remember(words: Any, width: Any, height: Any, block: Any, counts: Any, memory: Any) -> None:
    rows, columns, depth = memory.shape
    margin = block // 2
    for i in range(len(words) // 2):
        place = words[2 * i + 1]
        x, y = np.int64(x_of(place)), np.int64(y_of(place))
        own_row, own_column = y // block, x // block
        pixel = y * width + x
        for row in range(max(own_row - 1, 0), min(own_row + 2, rows)):
            if not (row * block - margin <= y < (row + 1) * block + margin):
                continue
            for column in range(max(own_column - 1, 0), min(own_column + 2, columns)):
                if not (column * block - margin <= x < (column + 1) * block + margin):
                    continue
                drawn = row == own_row and column == own_column
                slot = counts[row, column] % depth
                memory[row, column, slot] = pixel if drawn else -1
                counts[row, column] += 1


@jit
def _draw(memory: Any, contribution: Any, cells: Any) -> None:
    for i in range(len(memory)):
        pixel = memory[i]
        if pixel >= 0:
            cells[pixel] = min(cells[pixel] + contribution, np.float32(1))

"""Descriptors of windows."""

from __future__ import annotations

import json
from typing import Annotated, Any

import numpy as np

from eventflow.graph.node import Node
from eventflow.graph.parameters import Range
from eventflow.kernels import representations
from eventflow.messages import Descriptor, Frame, Grid, Slice, StreamInfo
from eventflow.place.descriptors import DescriptorSettings, describe


class Describe(Node):
    """Describe each window by its counts of events, pooled over a grid of cells: a vector to recognise places by.

    Windows are those of any slicer: by time, count, distance and so on. Of a slice the events of both polarities are
    counted; a grid's channels are added up; a frame counts as it is. How windows were cut is kept with a map, which
    refuses descriptors of windows that were cut otherwise.

    Args:
        rows: cells from top to bottom.
        columns: cells from left to right.
        patch: cells of the neighbourhood, in each direction, whose mean and deviation each cell is normalised by; 0:
            none. The default matcher wants none.
    """

    rows: Annotated[int, Range(1, 256)] = 12
    columns: Annotated[int, Range(1, 256)] = 12
    patch: Annotated[int, Range(0, 64)] = 0

    def start(self, message: StreamInfo) -> StreamInfo:
        """Say with the stream how its descriptors are made."""
        cut = message.attributes.get("slices", {})
        source = json.dumps(cut, sort_keys=True) if cut else ""
        self._settings = DescriptorSettings(
            width=message.width or self.columns,
            height=message.height or self.rows,
            grids=((min(self.rows, message.height or self.rows), min(self.columns, message.width or self.columns)),),
            patch=self.patch,
            source=source,
        )
        return message.having(attributes=message.attributes | {"descriptor": self._settings.as_dict()})

    def message(self, message: Slice | Grid | Frame) -> Descriptor:
        """Return the descriptor of one window."""
        if isinstance(message, Slice):
            image: Any = representations.count_frame(message.events).sum(axis=0)
            return Descriptor(describe(image, self._settings), message.t0, message.t1, len(message.events))
        if isinstance(message, Grid):
            counted = int(np.count_nonzero(message.data))
            return Descriptor(describe(message.data, self._settings), message.t0, message.t1, counted)
        image = message.image.mean(axis=2) if message.image.ndim == 3 else message.image
        return Descriptor(describe(image, self._settings), message.t, message.t, int(np.count_nonzero(image)))

"""Event Stream 2.0, written: type DVS, or ATIS with changes only."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Final

import numpy as np

from eventflow.errors import ParameterError, RecordingError
from eventflow.io.decoder import Encoder
from eventflow.io.event_stream_kernels import (
    ATIS_OVERFLOW_US,
    OVERFLOW_US,
    encode_atis,
    encode_dvs,
    first_unwritable,
)

if TYPE_CHECKING:
    from eventflow.events import Events

# type byte, µs that a byte of silence stands for, and the loop
_KINDS: Final = {"dvs": (1, OVERFLOW_US, encode_dvs), "atis": (2, 3 * ATIS_OVERFLOW_US, encode_atis)}
# A silence costs a byte each 127 µs: an hour is 28 MB, the µs since 1970 would be 13 TB.
LONGEST_SILENCE_US: Final = 3_600_000_000
_BUFFER_BYTES: Final = 1 << 18


class EventStreamEncoder(Encoder):
    """Writes an Event Stream file."""

    def __init__(self, file: BinaryIO, *, width: int, height: int, kind: str) -> None:
        if kind not in _KINDS:
            raise ParameterError(f"kind={kind!r} is not allowed; events are written as {' or '.join(_KINDS)}")
        if max(width, height) > 0xFFFF:
            raise RecordingError(f"Event Stream holds sensors up to 65535x65535, not {width}x{height}")
        self._file = file
        self._height = height
        self._written = 0
        self._time_us = 0
        self._buffer = np.empty(_BUFFER_BYTES, np.uint8)
        number, self._overflow_us, self._encode = _KINDS[kind]
        sizes = np.array([width, height], "<u2").tobytes()
        file.write(b"Event Stream" + bytes([2, 0, 0, number]) + sizes)

    def write(self, events: Events) -> None:
        """Append events.

        Raises:
            RecordingError: times step back, are negative, or a silence is longer than an hour.
        """
        if not len(events):
            return
        self._check(events)
        index = 0
        while index < len(events):
            index, used, self._time_us = self._encode(events.records, index, self._time_us, self._height, self._buffer)
            self._file.write(self._buffer[:used].data)
        self._written += len(events)

    def _check(self, events: Events) -> None:
        index = first_unwritable(events.records, self._time_us, LONGEST_SILENCE_US)
        if index < 0:
            return
        t, before = int(events.t[index]), int(events.t[index - 1]) if index else self._time_us
        where = f"Event Stream cannot hold event {self._written + index} at t={t} µs"
        if t < before:
            after = f"after t={before} µs" if self._written + index else "before 0"
            raise RecordingError(f"{where}: it lies {after}, and times only grow there; sort or mend the events first")
        raise RecordingError(
            f"{where}: {t - before} µs of silence before it would take {(t - before) // self._overflow_us} bytes; "
            "write another format, or shift the recording to start at 0 (origin: zero)"
        )

"""Event Stream files of types generic and color: described and counted, since their records are no polarity events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NoReturn

import numpy as np

from eventflow.errors import RecordingError
from eventflow.io.decoder import Decoder
from eventflow.io.event_stream_kernels import (
    COLOR_BYTES,
    CONTENT_BYTES,
    COUNT_SIZE,
    FIRST_T,
    LAST_T,
    RECORDS,
    count_records,
)

if TYPE_CHECKING:
    from eventflow.io.decoder import Batch, RecordingInfo
    from eventflow.io.source import ByteSource

_WHAT: Final = {"generic": "bytes with times", "color": "pixels with colours"}
_PIECE_BYTES: Final = 1 << 18


class RecordsDecoder(Decoder):
    """Counts the records of a file that holds no events; its stream has the name of the file's type."""

    steps_back = 0

    def __init__(self, source: ByteSource, info: RecordingInfo) -> None:
        super().__init__(source, info)
        self._kind: str = info.attributes["type"]
        info.streams = (self._kind,)
        if source.size is not None:
            self._count(source, source.size)
        info.notes.append(f"its records are {_WHAT[self._kind]}, not polarity events: none can be read as events")

    def fill(self, batch: Batch, start: int) -> NoReturn:
        """Refuse: there are no events.

        Raises:
            RecordingError: always, with what there is instead.
        """
        raise RecordingError(f"{self.info.path}: {self._told()}; events can be read from types dvs and atis only")

    def messages(self, name: str) -> NoReturn:
        """Refuse: no kind of message carries such records.

        Raises:
            RecordingError: always, with what there is.
        """
        raise RecordingError(f"{self.info.path}: {self._told()}; no message carries them")

    def _told(self) -> str:
        said = self.info.attributes
        records = f"{said['records']} records of" if "records" in said else "records of"
        return f"Event Stream of type {self._kind}: {records} {_WHAT[self._kind]}, not polarity events"

    def _count(self, source: ByteSource, size: int) -> None:
        """Look at the rest of the file without consuming it."""
        at = source.position
        fixed = COLOR_BYTES if self._kind == "color" else 0
        state = np.zeros(COUNT_SIZE, np.int64)
        state[FIRST_T] = -1
        buffer = np.empty(_PIECE_BYTES, np.uint8)
        while at < size:
            got = source.read_at(at, buffer)
            used = count_records(buffer[:got], size - at, state, fixed)
            at += used
            if not used:
                break
        info, records = self.info, int(state[RECORDS])
        info.attributes |= {"records": records, "content_bytes": int(state[CONTENT_BYTES])}
        if records:
            info.t_first, info.t_last = int(state[FIRST_T]), int(state[LAST_T])
        if at < size:
            self.skip("truncated_bytes", size - at)
            info.notes.append(f"the last {size - at} bytes, from byte {at} on, are no whole record")

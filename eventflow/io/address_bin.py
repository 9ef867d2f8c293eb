"""N-MNIST and N-Caltech101 (.bin): five bytes an event and nothing else.

Orchard et al. 2015, "Converting static image datasets to spiking neuromorphic datasets using saccades". The
bytes do not say what they are nor how large the sensor was: the suffix is believed, and the sensor is 34x34 where all
events fit in there (N-MNIST), else as large as the events need.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO, Final

import numpy as np

from eventflow.errors import RecordingError
from eventflow.io.address_bin_kernels import (
    OUTSIDE,
    OVERFLOW_ROW,
    OVERFLOWS,
    RECORD_BYTES,
    STATE_SIZE,
    TIME_LIMIT_US,
    decode_records,
    encode_records,
    largest_pixel,
)
from eventflow.io.decoder import Decoder, Encoder, RecordingInfo
from eventflow.io.source import WordChunks

if TYPE_CHECKING:
    from eventflow.events import Events
    from eventflow.io.decoder import Batch
    from eventflow.io.source import ByteSource

_LARGEST: Final = 256, OVERFLOW_ROW
_NMNIST_SIDE: Final = 34
_BUFFER_BYTES: Final = 1 << 18
_SCAN_BYTES: Final = RECORD_BYTES << 16
# A silence costs a record each 8.2 ms beyond the clock's 8.4 s: an hour is 2 MB, the µs since 1970 would be 1 TB.
LONGEST_SILENCE_US: Final = 3_600_000_000


class AddressBinDecoder(Decoder):
    """Reads records of five bytes."""

    def __init__(self, source: ByteSource, info: RecordingInfo) -> None:
        super().__init__(source, info)
        self._chunks = WordChunks(source, f"V{RECORD_BYTES}")
        self._state = np.zeros(STATE_SIZE, np.int64)

    def fill(self, batch: Batch, start: int) -> int:
        """Decode the next events into `batch` from `start` on."""
        words = batch.records.view(np.int64).reshape(-1, 2)
        chunks = self._chunks
        while start < len(words):
            data = chunks.words[chunks.cursor :].view(np.uint8)
            used, made = decode_records(data, words[start:], self._state, self.info.width, self.info.height)
            chunks.cursor += used // RECORD_BYTES
            start += made
            if start < len(words) and not chunks.refill(keep=len(chunks.words) - chunks.cursor):
                self._count()
                break
        return start

    def mark(self) -> dict[str, Any]:
        """Return where the next record lies, what is added to its time, and what was counted."""
        return {"byte": self.decoded_bytes, "state": self._state.tolist()}

    def resume(self, mark: dict[str, Any]) -> None:
        """Go on from a mark."""
        self.source.seek(int(mark["byte"]))
        self._state[:] = mark["state"]

    @property
    def decoded_bytes(self) -> int:
        """Bytes of the source decoded so far."""
        return self.source.position - self._chunks.waiting_bytes

    def expected_events(self) -> int | None:
        """Return the number of records in the file."""
        return None if self.source.size is None else self.source.size // RECORD_BYTES

    def _count(self) -> None:
        counts = {"outside": int(self._state[OUTSIDE]), "truncated_bytes": self._chunks.truncated_bytes}
        self.skipped.update({reason: count for reason, count in counts.items() if count})
        if self._state[OVERFLOWS]:
            self.noted["wraps"] = int(self._state[OVERFLOWS])


class AddressBinEncoder(Encoder):
    """Writes records of five bytes."""

    def __init__(self, file: BinaryIO, *, width: int, height: int) -> None:
        if width > _LARGEST[0] or height > _LARGEST[1]:
            raise RecordingError(f"this format holds sensors up to 256x240, not {width}x{height}")
        self._file = file
        self._added_us = self._written = 0
        self._buffer = np.empty(_BUFFER_BYTES, np.uint8)

    def write(self, events: Events) -> None:
        """Append events.

        Raises:
            RecordingError: a time is negative, steps back by seconds, or follows a silence longer than an hour.
        """
        words, index, refused = events.records.view(np.int64).reshape(-1, 2), 0, False
        while index < len(words) and not refused:
            index, used, self._added_us, refused = encode_records(
                words, index, self._added_us, LONGEST_SILENCE_US, self._buffer
            )
            self._file.write(self._buffer[:used].data)
        if refused:
            raise RecordingError(self._refusal(self._written + index, int(events.t[index])))
        self._written += len(events)

    def _refusal(self, index: int, t: int) -> str:
        reached = self._added_us + TIME_LIMIT_US
        return (
            f"this format cannot hold event {index} at t={t} µs: its 23-bit times reach from {self._added_us} to "
            f"{reached} µs there, and longer silences than an hour are not written; "
            "sort the events, or shift the recording to start at 0 (origin: zero)"
        )


def open_decoder(source: ByteSource, *, width: int | None = None, height: int | None = None) -> AddressBinDecoder:
    """Return a decoder of `source`; `width` and `height` in px overrule what is derived from the events."""
    info = RecordingInfo(source.path, "nmnist", 0, 0, size_bytes=source.size)
    derived = (0, 0) if width and height else _derived(source, info.notes)
    info.width, info.height = width or derived[0], height or derived[1]
    if not (0 < info.width <= 1 << 16 and 0 < info.height <= 1 << 16):
        raise RecordingError(f"{source.path}: a sensor has 1 to 65536 pixels a side, not {info.width}x{info.height}")
    return AddressBinDecoder(source, info)


def open_encoder(file: BinaryIO, *, width: int, height: int) -> AddressBinEncoder:
    """Return an encoder that writes to `file`."""
    return AddressBinEncoder(file, width=width, height=height)


def _derived(source: ByteSource, notes: list[str]) -> tuple[int, int]:
    if source.size is None:
        notes.append("a pipe's sensor size cannot be looked up in its events: taken to be 256x240, the most there is")
        return _LARGEST
    column = row = -1
    buffer = np.empty(min(_SCAN_BYTES, max(source.size, 1)), np.uint8)
    for place in range(0, source.size, _SCAN_BYTES):
        seen = largest_pixel(buffer[: source.read_at(place, buffer)])
        column, row = max(column, int(seen[0])), max(row, int(seen[1]))
    if max(column, row) < _NMNIST_SIDE:
        notes.append(f"the file does not say the sensor's size; all events fit in N-MNIST's {_NMNIST_SIDE}x34")
        return _NMNIST_SIDE, _NMNIST_SIDE
    size = column + 1, min(row + 1, 1 << 8)
    notes.append(f"the file does not say the sensor's size; its events need {size[0]}x{size[1]}")
    return size

"""Other libraries as readers behind the same Recording: `reader="expelliarmus"` and `reader="aedat"` (extra `readers`).

They are second opinions. The header, and with it the sensor size, is read here; the events are theirs. Where they are
known to be wrong docs/formats.md says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eventflow.errors import ParameterError, RecordingError, missing_extra
from eventflow.io.decoder import Batch, Decoder, RecordingInfo
from eventflow.io.prophesee import time_origin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from eventflow.io.source import ByteSource

_AT_ONCE: Final = 1 << 16
READS: Final = {"expelliarmus": ("evt2", "evt3", "dat"), "aedat": ("aedat4",)}


class ForeignDecoder(Decoder):
    """One pass over a recording by another library.

    Args:
        source: the file, which the library opens by its path.
        info: what our own decoder says of it.
        arrays: structured arrays with t, x, y and p or on.
        t0: µs to add to every time.
    """

    def __init__(self, source: ByteSource, info: RecordingInfo, arrays: Iterator[NDArray[Any]], t0: int) -> None:
        super().__init__(source, info)
        self._arrays, self._t0 = arrays, t0
        self._held: NDArray[Any] = np.empty(0)
        self._at = 0

    def fill(self, batch: Batch, start: int) -> int:
        """Write the next events into `batch`; see Decoder.fill."""
        while start < len(batch):
            if self._at == len(self._held):
                array = self._next()
                if array is None:
                    break
                self._held, self._at = array, 0
            count = min(len(batch) - start, len(self._held) - self._at)
            part = self._held[self._at : self._at + count]
            batch.records.view("V16")[start : start + count] = np.zeros(1, "V16")
            for name in "txyp":
                batch.records[name][start : start + count] = part[name]
            start, self._at = start + count, self._at + count
        return start

    def _next(self) -> NDArray[Any] | None:
        """Return the next events that lie on the sensor, or None at the end."""
        try:
            array = next(self._arrays, None)
        except (RuntimeError, ValueError, OSError, AssertionError, TypeError) as error:
            raise RecordingError(f"{self.info.path}: the other reader gave up: {error}") from error
        if array is None:
            return None
        x, y = array["x"].astype(np.int64), array["y"].astype(np.int64)
        inside = (x >= 0) & (x < self.info.width) & (y >= 0) & (y < self.info.height)
        self.skip("outside", int(len(inside) - np.count_nonzero(inside)))
        found = {"t": array["t"].astype(np.int64) + self._t0, "x": x, "y": y, "p": array["p"] != 0}
        kept = np.empty(int(np.count_nonzero(inside)), [("t", "i8"), ("x", "u2"), ("y", "u2"), ("p", "u1")])
        for name, column in found.items():
            kept[name] = column[inside]
        return kept


def foreign(reader: str, own: Decoder) -> ForeignDecoder:
    """Return a decoder that reads what `own` was opened for with another library.

    Raises:
        ParameterError: there is no such reader, or it does not read this format.
        MissingExtraError: it is not installed.
        RecordingError: the recording is a pipe.
    """
    info, source = own.info, own.source
    if reader not in READS:
        raise ParameterError(f"reader={reader!r} is not known; choose {', '.join(READS)}")
    if info.format not in READS[reader]:
        raise ParameterError(f"{info.path}: {reader} reads {', '.join(READS[reader])}, and this is {info.format}")
    if not source.seekable:
        raise RecordingError(f"{info.path}: {reader} cannot read a pipe; write it to a file first")
    if reader == "expelliarmus" and source.peek(2) == b"% ":
        raise RecordingError(
            f"{info.path}: its data begins like a header line: expelliarmus searches for ever; leave out reader="
        )
    try:
        arrays = _expelliarmus(source.path, info.format) if reader == "expelliarmus" else _aedat(source.path)
    except ImportError as error:
        raise missing_extra(reader, "readers", f"reading with {reader}") from error
    return ForeignDecoder(source, info, arrays, time_origin(info.attributes) if reader == "expelliarmus" else 0)


def _expelliarmus(path: str, format: str) -> Iterator[NDArray[Any]]:
    from expelliarmus import Wizard

    return iter(Wizard(encoding=format, fpath=path, chunk_size=_AT_ONCE).read_chunk())


def _aedat(path: str) -> Iterator[NDArray[Any]]:
    import aedat

    def events() -> Iterator[NDArray[Any]]:
        stream: int | None = None  # the first stream of events, as our own reader chooses
        for packet in aedat.Decoder(path):
            if "events" in packet and stream in (None, packet["stream_id"]):
                stream = packet["stream_id"]
                yield packet["events"]

    return events()

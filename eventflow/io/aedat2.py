"""iniVation (jAER) AEDAT 1 and 2: a text header, then big-endian pairs of an address and a time.

https://docs.inivation.com/software/software-advanced-usage/file-formats. An address means what the chip's class in jAER
makes of it (see aedat2_chips.py). The 32-bit time (71.6 min) is continued where it falls by half its range or more. Of
frames and inertial samples, which DAVIS chips put between the events, see aedat2_messages.py.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from eventflow.errors import ParameterError, RecordingError
from eventflow.io import aedat2_kernels as kernels
from eventflow.io.aedat2_chips import Chip, chip_named, chip_of
from eventflow.io.aedat2_encoding import open_encoder as open_encoder
from eventflow.io.aedat2_messages import READERS
from eventflow.io.aedat_header import Header, read_header
from eventflow.io.decoder import Decoder, RecordingInfo
from eventflow.io.source import WordChunks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from eventflow.io.decoder import Batch
    from eventflow.io.source import ByteSource
    from eventflow.messages import Message

_LOOKED_AT_BYTES: Final = 1 << 20
_SIDES: Final = 1 << 15
_NOISE_LINE: Final = "noise events are labeled as addressed external input events"
_T0 = re.compile(r" t0: (\d{1,18}) us")
_NO_LABELS: Final = np.empty(0, np.uint8)
_NOTED: Final = (
    ("wraps", kernels.WRAPS),
    ("external_events", kernels.SPECIAL),
    ("imu_words", kernels.IMU),
    ("frame_words", kernels.APS),
)


class Aedat2Decoder(Decoder):
    """One pass over an AEDAT 1 or 2 file."""

    streams = frozenset({"frames", "imu", "triggers"})

    def __init__(
        self, source: ByteSource, info: RecordingInfo, chip: Chip, layout: NDArray[np.int64], record_bytes: int, t0: int
    ) -> None:
        super().__init__(source, info)
        self.chip, self._layout, self._record_bytes = chip, layout, record_bytes
        self.columns = frozenset({"labels"}) if layout[kernels.NOISE] else frozenset()
        self._chunks = WordChunks(source, "<i8" if record_bytes == 8 else "V6")
        self._words: NDArray[np.int64] = np.empty(0, np.int64)
        self._state = np.zeros(kernels.SLOTS, np.int64)
        self._state[kernels.EPOCH] = self._state[kernels.LAST_EVENT] = t0

    @property
    def steps_back(self) -> int:  # type: ignore[override]
        """Events earlier than the one before them so far."""
        return int(self._state[kernels.STEPS_BACK])

    def fill(self, batch: Batch, start: int) -> int:
        """Write the next events into `batch`; see Decoder.fill."""
        out = batch.records.view(np.int64)
        labels = _NO_LABELS if batch.labels is None else batch.labels
        position = start
        while position < len(batch):
            self._chunks.cursor, position = kernels.decode(
                self._words, self._chunks.cursor, out, labels, position, len(batch), self._layout, self._state
            )
            if position < len(batch) and not self._refill():
                break
        self._count()
        return position

    def messages(self, name: str) -> Iterator[Message]:
        """Yield the frames, inertial samples or triggers (line 0, value 1: external input) of the recording."""
        if name not in self.info.streams or name not in READERS:
            yield from super().messages(name)
            return
        reader = READERS[name](self.chip, self.info.height)
        while self._refill():
            found = np.empty((len(self._words), 2), np.int64)
            count = kernels.pick(self._words, reader.mask, reader.value, found, self._state)
            self._chunks.cursor = len(self._words)
            yield from reader.take(found[:count])
        for reason, count in reader.skipped.items():
            self.skip(reason, count)

    def mark(self) -> dict[str, Any]:
        """Return the place of the next record and the state of time."""
        waiting = self._chunks.waiting_bytes
        return {"position": self.source.position - waiting, "state": self._state.tolist()}

    def resume(self, mark: dict[str, Any]) -> None:
        """Go on from a `mark`."""
        self.source.seek(mark["position"])
        self._state[:] = mark["state"]

    def expected_events(self) -> int | None:
        """Return the number of records in the file."""
        return None if self.source.size is None else self.source.size // self._record_bytes

    def _refill(self) -> bool:
        more = self._chunks.refill()
        words = self._chunks.words
        self._words = words if self._record_bytes == 8 else _records_of_8_from_6(words)
        return more

    def _count(self) -> None:
        for reason, slot in _NOTED:
            if self._state[slot]:
                self.noted[reason] = int(self._state[slot])
        if self._state[kernels.OUTSIDE]:
            self.skipped["outside"] = int(self._state[kernels.OUTSIDE])
        if self._chunks.truncated_bytes:
            self.skipped["truncated_bytes"] = self._chunks.truncated_bytes


def _records_of_8_from_6(words: NDArray[Any]) -> NDArray[np.int64]:
    records = np.zeros((len(words), 8), np.uint8)
    records[:, 2:] = words.view(np.uint8).reshape(-1, 6)
    widened = records.view(np.int64)[:, 0]
    widened.flags.writeable = False
    return widened


def open_decoder(
    source: ByteSource,
    *,
    width: int | None = None,
    height: int | None = None,
    chip: str | None = None,
    flip_x: bool = True,
    flip_y: bool = True,
    on: int | None = None,
) -> Aedat2Decoder:
    """Return a decoder of an AEDAT 1 or 2 source.

    Args:
        source: the file or pipe.
        width: sensor width, px, where the chip's own is not right.
        height: sensor height, px, likewise.
        chip: dvs128, davis240, davis346, davis640, davis208, davis128 or dvs640, where the header does not say.
        flip_x: whether columns are counted from the right, as jAER takes them.
        flip_y: whether rows are counted from the bottom, as jAER takes them.
        on: value of the polarity bit where brightness grew. The default is what jAER takes: 1, for the DVS128 0.

    Raises:
        RecordingError: it is another version, or from a chip that is not known here.
        ParameterError: a side or polarity that cannot be.
    """
    header = read_header(source)
    if header.version not in ("1.0", "2.0"):
        raise RecordingError(f"{source.path}: byte 0: AEDAT version {header.version}, expected 1.0 or 2.0")
    if on not in (None, 0, 1):
        raise ParameterError(f"on={on}: a polarity bit is 0 or 1")
    record_bytes = 6 if header.version == "1.0" else 8
    known, note = _chip(source, header, record_bytes, chip)
    size = width or known.width, height or known.height
    if not 0 < min(size) <= max(size) <= _SIDES:
        raise ParameterError(f"a sensor of {size[0]}x{size[1]} pixels is not possible")
    noise = known.layout.davis and any(_NOISE_LINE in line for line in header.lines)
    layout = layout_of(known, *size, flip_x=flip_x, flip_y=flip_y, on=on, noise=noise)
    info = RecordingInfo(
        source.path,
        "aedat1" if record_bytes == 6 else "aedat2",
        *size,
        sensor=header.entries.get("AEChip", "").rpartition(".")[2] or known.name,
        streams=_streams(known, _first_addresses(source, record_bytes), noise=noise),
        size_bytes=source.size,
        attributes={"version": header.version, "chip": known.name, **_short(header)},
        notes=[note] if note else [],
    )
    if header.hash_follows:
        info.notes.append("the data begin with the byte of '#', taken for data because no line of text follows")
    t0 = next((int(match[1]) for match in map(_T0.fullmatch, header.lines) if match), 0)
    return Aedat2Decoder(source, info, known, layout, record_bytes, t0)


def _short(header: Header) -> dict[str, str]:
    return {key: value for key, value in header.entries.items() if key != "t0" and len(value) < 200}


def _chip(source: ByteSource, header: Header, record_bytes: int, name: str | None) -> tuple[Chip, str]:
    if name is not None:
        return chip_named(name), ""
    if record_bytes == 6:
        return chip_named("dvs128"), ""
    return chip_of(header, _first_addresses(source, record_bytes), source.path)


def _first_addresses(source: ByteSource, record_bytes: int) -> NDArray[np.uint32]:
    head = source.peek(_LOOKED_AT_BYTES)
    whole = np.frombuffer(head[: len(head) // record_bytes * record_bytes], np.uint8).reshape(-1, record_bytes)
    kind = ">u4" if record_bytes == 8 else ">u2"
    return np.ascontiguousarray(whole[:, :-4]).view(kind)[:, 0].astype(np.uint32)


def _streams(chip: Chip, addresses: NDArray[np.uint32], *, noise: bool) -> tuple[str, ...]:
    """Return the streams that the first addresses show; triggers are rare and so are always named."""
    streams = ["events"]
    if chip.layout.davis:
        marked = addresses[addresses >> 31 == 1] & kernels.IMU_MASK
        if (marked != kernels.IMU_MASK).any():
            streams.append("frames")
        if (marked == kernels.IMU_MASK).any():
            streams.append("imu")
    return (*streams, "triggers") if not noise else tuple(streams)


def layout_of(
    chip: Chip, width: int, height: int, *, flip_x: bool, flip_y: bool, on: int | None, noise: bool = False
) -> NDArray[np.int64]:
    """Return a chip's layout as the kernels take it."""
    bits = chip.layout
    layout = np.zeros(kernels.LAYOUT_SLOTS, np.int64)
    layout[kernels.X_SHIFT], layout[kernels.X_MASK] = bits.x_shift, (1 << bits.x_bits) - 1
    layout[kernels.Y_SHIFT], layout[kernels.Y_MASK] = bits.y_shift, (1 << bits.y_bits) - 1
    layout[kernels.P_SHIFT], layout[kernels.P_FLIP] = bits.p_shift, 1 - (bits.on if on is None else on)
    layout[kernels.PLAIN_MASK], layout[kernels.NOISE] = bits.special, noise
    layout[kernels.X_FROM], layout[kernels.X_STEP] = (width - 1, -1) if flip_x else (0, 1)
    layout[kernels.Y_FROM], layout[kernels.Y_STEP] = (height - 1, -1) if flip_y else (0, 1)
    layout[kernels.WIDTH], layout[kernels.HEIGHT] = width, height
    return layout

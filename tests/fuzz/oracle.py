"""What plain decoders make of a whole damaged recording, of formats that have one: the same events, the same counts."""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np
import plain_prophesee as plain
import reference_ecf as ecf
import reference_others as others

from eventflow.events import EVENT_DTYPE
from eventflow.io import aedat2_kernels, aedat3_kernels
from eventflow.io.aedat2 import Aedat2Decoder

Found = tuple[list[Any], dict[str, int]]
_MOST_CHUNKS = 8
_LONGEST = (1 << 63) - 1


def expected_of(decoder: Any, data: bytes) -> tuple[bytes, dict[str, int]] | None:
    """Return events, as the bytes of their records, and what is left out; None where there is no plain decoder.

    Args:
        decoder: freshly opened. It says what the header says: that is no matter of a plain decoder.
        data: the whole file.
    """
    name, said = decoder.info.format, decoder.info.attributes
    if name not in _PLAIN or said.get("type") in ("generic", "color"):
        return None
    found = _PLAIN[name](decoder, data[decoder.source.position :])
    return None if found is None else _packed(*found, _origin(decoder))


def _origin(decoder: Any) -> int:
    """Return what the header adds to every time, µs."""
    if isinstance(decoder, Aedat2Decoder):
        return int(decoder._state[aedat2_kernels.EPOCH])
    return int(getattr(decoder, "t0", 0))


def _packed(events: list[Any], skipped: dict[str, int], t0: int) -> tuple[bytes, dict[str, int]] | None:
    if any(t + t0 > _LONGEST for t, *_ in events):
        return None
    records = np.zeros(len(events), EVENT_DTYPE)
    for column, values in zip("txyp", zip(*events, strict=True), strict=False):
        records[column] = values
    records["t"] += t0
    return records.view("V16").tobytes(), skipped


def _evt21(decoder: Any, data: bytes) -> Found:
    return plain.evt21(data, *_size(decoder), little=decoder.options[0] > 0)


def _dat(decoder: Any, data: bytes) -> Found | None:
    if "triggers" in decoder.info.streams:
        return None
    x_bits, y_bits = decoder.options
    return plain.dat(data, *_size(decoder), x_bits=x_bits, y_bits=y_bits)


def _event_stream(decoder: Any, data: bytes) -> Found:
    width, height = _size(decoder)
    return others.event_stream(data, atis=decoder.info.attributes["type"] == "atis", width=width, height=height)


def _aedat_2(decoder: Any, data: bytes) -> Found | None:
    record_bytes = 6 if decoder.info.format == "aedat1" else 8
    found = others.jaer(data, record_bytes, decoder.chip.layout, *_size(decoder))
    return None if decoder.columns else found


def _aedat_3(decoder: Any, data: bytes) -> Found:
    is_old, source = decoder.info.attributes["version"] == "3.0", int(decoder._wanted[aedat3_kernels.SOURCE])
    return others.aedat_3(data, *_size(decoder), source=source, from_bottom=is_old)


def _ecf(decoder: Any, _: bytes) -> Found | None:
    """Read the chunks with the HDF5 library; None where they are none of the codec, or it does not know them."""
    width, height = _size(decoder)
    events: list[Any] = []
    skipped: dict[str, int] = {}
    try:
        with h5py.File(decoder.info.path) as file:
            table = file["CD/events"]
            step = table.chunks[0] if table.chunks else 0
            if not 0 < len(table) <= _MOST_CHUNKS * step or str(ecf.FILTER) not in table._filters:
                return None
            for first in range(0, len(table), step):
                wanted = min(step, len(table) - first)
                sound = _sound(table, first, step)
                if sound is None:
                    return None
                inside = [each for each in sound[:wanted] if each.x < width and each.y < height]
                _add(skipped, "damaged", wanted - min(len(sound), wanted))
                _add(skipped, "outside", min(len(sound), wanted) - len(inside))
                events += inside
    except (OSError, RuntimeError, LookupError, ValueError, TypeError):
        return None
    return events, skipped


def _sound(table: Any, first: int, step: int) -> list[Any] | None:
    info = table.id.get_chunk_info_by_coord((first,))
    if info.byte_offset is None or info.size > 12 + 32 * step or info.filter_mask:
        return None
    return ecf.chunk(table.id.read_direct_chunk((first,))[1], step)[1]


def _add(counts: dict[str, int], reason: str, count: int) -> None:
    if count:
        counts[reason] = counts.get(reason, 0) + count


def _size(decoder: Any) -> tuple[int, int]:
    return decoder.info.width, decoder.info.height


_PLAIN = {
    "evt2": lambda decoder, data: plain.evt2(data, *_size(decoder)),
    "evt3": lambda decoder, data: plain.evt3(data, *_size(decoder)),
    "evt4": lambda decoder, data: plain.evt4(data, *_size(decoder)),
    "evt21": _evt21,
    "dat": _dat,
    "es": _event_stream,
    "nmnist": lambda decoder, data: others.address_bin(data, *_size(decoder)),
    "aedat1": _aedat_2,
    "aedat2": _aedat_2,
    "aedat3": _aedat_3,
    "hdf5": _ecf,
}

"""What is in a recording, found by reading all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow.io.recording import open as open_recording

if TYPE_CHECKING:
    import os


def describe(path: str | os.PathLike[str], **options: Any) -> dict[str, Any]:
    """Return what a full pass over a recording finds, as plain values.

    Args:
        path: the recording.
        options: the arguments of `open`.

    Returns:
        `path`, `format`, `width`, `height`, `sensor`, `streams`, `size_bytes`, `events`, `on_share`, `t_first`,
        `t_last`, `duration_us` (latest minus earliest time), `rate_ev_per_s`, `steps_back`, `skipped` and `repaired`
        by reason, `attributes`, `notes`. Times are µs; what an empty recording does not have is None.
    """
    events = on = 0
    t_first = t_last = earliest = latest = None
    with open_recording(path, **options) as recording:
        for packet in recording if "events" in recording.streams else ():
            times = packet.t
            t_first = int(times[0]) if t_first is None else t_first
            t_last = int(times[-1])
            low, high = (times[0], times[-1]) if packet.ordered else (times.min(), times.max())
            earliest = int(low) if earliest is None else min(earliest, int(low))
            latest = int(high) if latest is None else max(latest, int(high))
            events += len(packet)
            on += int(np.count_nonzero(packet.p))
        info = recording.info
        if "events" not in info.streams:
            t_first, t_last = earliest, latest = info.t_first, info.t_last
        duration = None if earliest is None or latest is None else latest - earliest
        return {
            "path": info.path,
            "format": info.format,
            "width": info.width,
            "height": info.height,
            "sensor": info.sensor,
            "streams": list(info.streams),
            "size_bytes": info.size_bytes,
            "events": events,
            "on_share": on / events if events else None,
            "t_first": t_first,
            "t_last": t_last,
            "duration_us": duration,
            "rate_ev_per_s": events / duration * 1e6 if duration else None,
            "steps_back": recording.steps_back,
            "skipped": recording.skipped,
            "repaired": recording.repaired,
            "attributes": info.attributes,
            "notes": info.notes,
        }

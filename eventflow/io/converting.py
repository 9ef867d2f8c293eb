"""Converting one recording to another format, packet by packet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eventflow.io.recording import open as open_recording
from eventflow.io.writing import create

if TYPE_CHECKING:
    import os


def convert(
    src: str | os.PathLike[str],
    dst: str | os.PathLike[str],
    *,
    to: str | None = None,
    writer_options: dict[str, Any] | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Write the recording `src` as `dst`, in memory that does not grow with it, and return a report.

    Args:
        src: the recording to read.
        dst: the recording to write; it appears when it is whole.
        to: name of the format to write; None goes by the suffix of `dst`.
        writer_options: further options of the format written.
        options: the arguments of `open`, for `src`.

    Returns:
        `events` written, `skipped` and `repaired` by reason, `steps_back`, `shift` in µs, `left_behind` columns,
        `format`, `path`.
    """
    with open_recording(src, **options) as recording:
        info = recording.info
        with create(dst, width=info.width, height=info.height, format=to, **(writer_options or {})) as writer:
            for packet in recording:
                writer.write(packet)
        return {
            "path": str(writer.path),
            "format": to or writer.format,
            "events": writer.events,
            "skipped": recording.skipped,
            "repaired": recording.repaired,
            "steps_back": recording.steps_back,
            "shift": recording.shift,
            "left_behind": sorted(writer.left_behind),
        }

"""What is in a recording: counted by reading all of it, taken from its table or index, or estimated from a sample."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from eventflow.errors import EventflowError, ParameterError
from eventflow.io.recording import Recording
from eventflow.io.recording import open as open_recording
from eventflow.io.sampling import Sample, sample
from eventflow.io.table import format_named
from eventflow.io.tally import (
    BACK,
    FIRST,
    HIGHEST,
    LARGEST_BACK,
    LAST,
    LONGEST_SILENCE,
    LOWEST,
    ON,
    SILENCES,
    Tally,
)

if TYPE_CHECKING:
    import os

    from eventflow.io.decoder import Decoder
    from eventflow.messages import Message

Depth = Literal["auto", "full", "quick"]
Method = Literal["counted", "indexed", "table", "estimated"]

FULL_BYTES = 128 << 20
"""Up to which size a recording is read to its end unasked."""

_NOT_MEASURED: Final = ("messages", "entries", "t_first", "t_last", "rate_per_s")


def describe(path: str | os.PathLike[str], *, depth: Depth = "auto", **options: Any) -> dict[str, Any]:
    """Return what is in a recording, as plain values.

    Args:
        path: the recording.
        depth: `full` reads all of it; `quick` takes its index or its table, and a sample of a few windows where they
            say too little; `auto` is quick for more than 128 MB.
        options: the arguments of `open`.

    Returns:
        `path`, `format`, `title` of the format, `width`, `height`, `sensor`, `size_bytes`, `streams`, `attributes`,
        `notes`;
        `method` (`counted`, `indexed`, `table` or `estimated`) and `decoded_bytes`: where the following comes from;
        `events`, `on_share`, `t_first`, `t_last`, `duration_us` (latest minus earliest time), `rate_ev_per_s`;
        `steps_back`, `largest_step_back_us`, `silences` (of a second and more), `longest_silence_us`, `skipped`,
        `noted` and `repaired` by reason: of the decoded bytes only where the method is `table` or `estimated`;
        `other_streams`: for each its `name`, `messages`, `entries`, `t_first`, `t_last`, `rate_per_s`, `error`.
        Times are µs; what is not known, or an empty recording does not have, is None.
    """
    if depth not in get_args(Depth):
        raise ParameterError(f"depth={depth!r} is not allowed; choose {', '.join(get_args(Depth))}")
    with open_recording(path, **options) as recording:
        size = recording.info.size_bytes
        quick = depth == "quick" or (depth == "auto" and (size or 0) > FULL_BYTES)
        quick = quick and recording.seekable and size is not None
        if "events" not in recording.streams:
            found = _without_events(recording)
        else:
            found = _quick(recording) if quick else _full(recording)
        others = [name for name in recording.streams if name != "events"]
        again = recording.seekable
        found["other_streams"] = [_stream(recording, name, measure=again and not quick) for name in others]
        return _of_header(recording) | found


def _of_header(recording: Recording) -> dict[str, Any]:
    info = recording.info
    return {
        "path": info.path,
        "format": info.format,
        "title": format_named(info.format).title,
        "width": info.width,
        "height": info.height,
        "sensor": info.sensor,
        "size_bytes": info.size_bytes,
        "streams": list(info.streams),
        "attributes": info.attributes,
        "notes": info.notes,
    }


def _without_events(recording: Recording) -> dict[str, Any]:
    info = recording.info
    found = _of_tally(Tally(), "counted", 0)
    if info.t_first is not None and info.t_last is not None:
        found |= {"t_first": info.t_first, "t_last": info.t_last, "duration_us": info.t_last - info.t_first}
    return found | {"skipped": {}, "noted": {}, "repaired": {}}


def _full(recording: Recording) -> dict[str, Any]:
    tally = Tally()
    for packet in recording:
        tally.take(packet.records, 0, len(packet))
    found = _of_tally(tally, "counted", recording.info.size_bytes)
    return found | {
        "skipped": recording.skipped,
        "noted": recording.noted,
        "repaired": recording.repaired,
    }


def _of_tally(tally: Tally, method: Method, decoded_bytes: int | None) -> dict[str, Any]:
    state, events = tally.state, tally.events
    duration = int(state[HIGHEST] - state[LOWEST]) if events else None
    return {
        "method": method,
        "decoded_bytes": decoded_bytes,
        "events": events,
        "on_share": int(state[ON]) / events if events else None,
        "t_first": tally.time(FIRST),
        "t_last": tally.time(LAST),
        "duration_us": duration,
        "rate_ev_per_s": _rate(events, duration),
        "steps_back": int(state[BACK]),
        "largest_step_back_us": int(state[LARGEST_BACK]),
        "silences": int(state[SILENCES]),
        "longest_silence_us": int(state[LONGEST_SILENCE]),
    }


def _quick(recording: Recording) -> dict[str, Any]:
    index = recording.index
    if index is not None and index.complete:
        found = _of_tally(Tally(index.tally), "indexed", 0)
        return found | {"skipped": index.skipped, "noted": index.noted, "repaired": {}}
    return _estimated(recording)


def _estimated(recording: Recording) -> dict[str, Any]:
    decoders: list[Decoder] = []

    def fresh() -> Decoder:
        for each in decoders:
            each.source.close()
        decoders[:] = [recording.fresh_decoder()]
        return decoders[0]

    info = recording.info
    try:
        seen = sample(fresh, events=info.events, t_last=info.t_last)
    finally:
        for each in decoders:
            each.source.close()
    return _of_sample(seen)


def _of_sample(seen: Sample) -> dict[str, Any]:
    oddities = {"skipped": seen.skipped, "noted": seen.noted, "repaired": {}}
    if seen.ended:
        return _of_tally(seen.seen, "counted", seen.decoded_bytes) | oddities
    found = _of_tally(seen.seen, "table" if seen.by_table else "estimated", seen.decoded_bytes)
    return found | {
        "events": seen.events,
        "t_first": seen.t_first,
        "t_last": seen.t_last,
        "duration_us": seen.duration_us,
        "rate_ev_per_s": _rate(seen.events, seen.duration_us),
        **oddities,
    }


def _rate(count: int | None, duration_us: int | None) -> float | None:
    return count / duration_us * 1e6 if count is not None and duration_us else None


def _stream(recording: Recording, name: str, *, measure: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"name": name, **dict.fromkeys(_NOT_MEASURED), "error": None}
    if not measure:
        return found
    messages = entries = 0
    lowest: int | None = None
    highest: int | None = None
    try:
        for message in recording.messages(name):
            messages += 1
            times = _times(message)
            entries += len(times)
            if len(times):
                lowest = int(min(times)) if lowest is None else min(lowest, int(min(times)))
                highest = int(max(times)) if highest is None else max(highest, int(max(times)))
    except EventflowError as error:
        found["error"] = str(error)
    duration = None if lowest is None or highest is None else highest - lowest
    values = (messages, entries, lowest, highest, _rate(entries - 1, duration))  # n frames have n - 1 times between
    return found | dict(zip(_NOT_MEASURED, values, strict=True))


def _times(message: Message) -> Any:
    """Return the times of all that a message holds, µs."""
    times = getattr(message, "time", None)
    return [message.t] if times is None else times.tolist()

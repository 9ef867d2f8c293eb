"""Where time 0 is: what is subtracted from every time of a recording.

raw     nothing: the sensor's clock, as recorded
zero    the time of the first event
openeb  what OpenEB subtracts by default: the sensor's clock at the first TIME_HIGH word of a Prophesee RAW file, for
        EVT 3.0 one turn of TIME_LOW earlier
unix    so much that times count from 1970: nothing where they do already, else the start of the recording moves to the
        date in the header
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal

from eventflow.errors import RecordingError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventflow.io.decoder import Decoder

Origin = Literal["raw", "zero", "openeb", "unix"]

# no sensor runs for 31 years, and no recording is from before 2001
_FIRST_EPOCH_US: Final = 1_000_000_000_000_000
_LAST_EPOCH_US: Final = 4_102_444_800_000_000
_DATE_KEYS: Final = ("date", "Date")


def origin_time(decoder: Decoder, origin: Origin, t_first: int | None) -> int:
    """Return the µs that `origin` subtracts from every time of a recording.

    Args:
        decoder: a fresh one, which is consumed.
        origin: the policy.
        t_first: time of the first event, µs, or None where there is no event.

    Raises:
        RecordingError: the recording does not say what the policy needs.
    """
    if origin == "zero":
        return t_first or 0
    if origin == "openeb":
        return _openeb(decoder)
    if origin == "unix":
        return _unix(decoder, t_first)
    return 0


def _openeb(decoder: Decoder) -> int:
    found = decoder.openeb_origin()
    if found is None:
        info = decoder.info
        raise RecordingError(
            f"{info.path}: origin='openeb' is what OpenEB does to Prophesee RAW files, and this is {info.format}; "
            "choose raw or zero"
        )
    return found


def _unix(decoder: Decoder, t_first: int | None) -> int:
    if t_first is None or _FIRST_EPOCH_US <= t_first < _LAST_EPOCH_US:
        return 0
    info = decoder.info
    date = _date_us(info.attributes)
    if date is None:
        raise RecordingError(
            f"{info.path}: origin='unix' needs times since 1970 or a date in the header, and this {info.format} file "
            f"has neither (its first event is at {t_first} µs); choose raw or zero"
        )
    return (decoder.openeb_origin() or 0) - date


def _date_us(attributes: Mapping[str, Any]) -> int | None:
    """Return the date of a header, µs since 1970. Headers name no zone: it is taken as UTC, to the second."""
    for key in _DATE_KEYS:
        try:
            date = datetime.fromisoformat(str(attributes.get(key, "")).strip())
        except ValueError:
            continue
        return round((date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()) * 1_000_000
    return None

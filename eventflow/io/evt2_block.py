"""Blocks of EVT 2.0 words that are events on the sensor and times: decoded all at once."""

from __future__ import annotations

from typing import Any, Final

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from eventflow.kernels.lanes import Column, Lanes, begins_of, keep, pairs

WORDS: Final = 32
"""Words of a block, and the room for events that decoding one takes."""

FARTHEST: Final = 1 << 20
"""Time may rise by less than so many TIME_HIGH in a block."""

_TIME_HIGH, _TWO = 8 << 28, 2 << 28
_RESULT: Final = types.UniTuple(types.int64, 3)


@intrinsic  # type: ignore[untyped-decorator]
def is_plain(context: Any, words: Any, at: Any, last: Any, width: Any, height: Any) -> Any:
    """Return whether words[at : at + WORDS] (u32) are events on the sensor, none of a lower time than the one before.

    `last` is the word before them, of which the six bits of its time matter. Nothing is checked of the array's size.
    """

    def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        words = _loaded(target, builder, signature, arguments)
        last, width, height = (Lanes.spread(builder, each, WORDS, 32) for each in arguments[2:])
        time = words >> 22 & 63
        odd = ~words.below(_TWO) | ~_on_sensor(words, width, height) | time.below(time.after(last >> 22 & 63))
        return builder.not_(odd.any())

    return types.boolean(words, types.uint64, types.int64, types.int64, types.int64), generate


@intrinsic  # type: ignore[untyped-decorator]
def decode_times_and_events(
    context: Any,
    words: Any,
    at: Any,
    out: Any,
    n: Any,
    time: Any,
    high: Any,
    last: Any,
    width: Any,
    height: Any,
    made: Any,
) -> Any:
    """Decode words[at : at + WORDS] (u32) into `out` (int64 pairs) from event n on.

    `high` is the last TIME_HIGH, `time` the time it stands for, µs; `last` is how long after it the last event was, 0
    where it was before. Returns the next event, how much TIME_HIGH rose and `last` after the block, seen from `time`;
    or -1 and two numbers where a word is of another kind or beyond the sensor, or time falls or rises far: nothing is
    written then. `made` holds WORDS pairs in between. Nothing is checked of the arrays' sizes.
    """

    def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        words = _loaded(target, builder, signature, arguments)
        out, made = begins_of(target, builder, signature, arguments, 2, 9)
        n, time = arguments[3:5]
        high, last, width, height = (Lanes.spread(builder, each, WORDS, 32) for each in arguments[5:9])
        is_event, is_high = words.below(_TWO), (words & 0xF000_0000).equal(_TIME_HIGH)
        rise = (words & 0xFFF_FFFF).filled(is_high, high) - high
        since = rise << 6 | words >> 22 & 63
        latest = since.filled(is_event, last)
        odd = (
            ~(is_event | is_high)
            | is_event & ~_on_sensor(words, width, height)
            | ~rise.below(FARTHEST)
            | latest.below(latest.after(last))
        )
        results = [cgutils.alloca_once_value(builder, ir.IntType(64)(start)) for start in (-1, 0, 0)]
        with builder.if_then(builder.not_(odd.any())):
            times = since.widened(64) + Lanes.spread(builder, time, WORDS, 64)
            place = (words >> 11 & 0x7FF) | (words & 0x7FF) << 16
            halves = place.widened(64) | (words >> 28).widened(64) << 32
            columns = [Column(times.beside(halves), is_event.as_mask())]
            after = keep(builder, columns, WORDS, made, pairs(builder, out), n)
            for result, value in zip(results, (after, rise.last(), latest.last()), strict=True):
                builder.store(builder.zext(value, ir.IntType(64)) if value.type.width < 64 else value, result)
        return target.make_tuple(builder, signature.return_type, [builder.load(result) for result in results])

    return _RESULT(words, types.uint64, out, *[types.int64] * 6, made), generate


def _loaded(target: Any, builder: Any, signature: Any, arguments: Any) -> Lanes:
    (begin,) = begins_of(target, builder, signature, arguments, 0)
    return Lanes.load(builder, builder.gep(begin, [arguments[1]]), WORDS, 32)


def _on_sensor(words: Lanes, width: Lanes, height: Lanes) -> Lanes:
    return (words >> 11 & 0x7FF).below(width) & (words & 0x7FF).below(height)

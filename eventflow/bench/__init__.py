"""`eventflow bench`: every speed claim, measured beside the libraries it is made against.

A figure alone says little on a machine nobody else has, so what counts is a ratio: ours and the peers take turns in one
run (A B A B …), on the same input, and a peer's answer is compared with ours before its rate is. Inputs are generated
from a seed by our own simulator and encoders and kept in the user's cache folder.

A benchmark is a module with `rows(bench)`, a generator of Row; see `suite.py` for the list.
"""

from __future__ import annotations


def main(
    names: list[str],
    peers: bool,
    json: bool,
    *,
    events: int = 4_000_000,
    seconds: float = 3.0,
    large: bool = False,
    cpu_time: bool = False,
) -> int:
    """Run benchmarks and print their tables.

    Args:
        names: benchmarks, or parts of them such as `decode.evt3`; none is all.
        peers: whether to run the other libraries beside ours.
        json: print one JSON object instead of tables.
        events: size of the inputs, events.
        seconds: how long each comparison goes on taking turns, once every contender had three.
        large: whether `memory` uses a recording of 2 GB.
        cpu_time: charge work on one core by CPU time, for a machine that others use too.

    Returns:
        0; 2 where a name is not known.
    """
    from eventflow.bench.suite import run

    return run(names, peers=peers, json=json, events=events, seconds=seconds, large=large, cpu_time=cpu_time)

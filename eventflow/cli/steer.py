"""Pause, step, seek or stop a running graph.

  eventflow steer pause [RUN]       hold the sources back; what they sent is still processed
  eventflow steer resume [RUN]      go on; a replay is late by as long as the pause was
  eventflow steer step [RUN] [-n N] let each source send N packets in spite of a pause
  eventflow steer seek [RUN] -t 2.5s  go on with the first event at or after a time; every node below starts anew
  eventflow steer stop [RUN]        end the sources, finish the outputs

RUN is the id of a run or its process id; with one run it may be left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventflow.cli.options import duration, positive
from eventflow.errors import ParameterError

if TYPE_CHECKING:
    import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the verb takes."""
    parser.add_argument("order", choices=("pause", "resume", "step", "seek", "stop"))
    parser.add_argument("run", nargs="?", metavar="RUN", help="a run's id or process id")
    parser.add_argument("-n", "--packets", type=positive, default=1, metavar="N", help="of step: how many packets (1)")
    parser.add_argument("-t", "--time", type=duration, metavar="TIME", help="of seek: the event time to go to")


def main(options: argparse.Namespace) -> int:
    """Steer the run."""
    from eventflow.runtime.steering import RunHandle

    request = {"do": options.order}
    if options.order == "step":
        request["packets"] = options.packets
    if options.order == "seek":
        if options.time is None:
            raise ParameterError("seek needs -t TIME, such as -t 2.5s")
        request["t"] = options.time
    with RunHandle(options.run) as handle:
        handle.ask(**request)
        print(f"{handle.run}: {options.order}")
    return 0

"""`python -m eventflow.bench [NAME…] [--peers] [--json] [--events N] [--seconds S] [--large] [--cpu-time]`."""

from __future__ import annotations

import argparse
import sys

from eventflow.bench import main

parser = argparse.ArgumentParser(prog="eventflow bench")
parser.add_argument("names", nargs="*")
parser.add_argument("--peers", action="store_true")
parser.add_argument("--json", action="store_true")
parser.add_argument("--large", action="store_true")
parser.add_argument("--cpu-time", action="store_true")
parser.add_argument("--events", type=int, default=4_000_000)
parser.add_argument("--seconds", type=float, default=3.0)
given = parser.parse_args()
options = {name: getattr(given, name) for name in ("events", "seconds", "large", "cpu_time")}
sys.exit(main(given.names, given.peers, given.json, **options))

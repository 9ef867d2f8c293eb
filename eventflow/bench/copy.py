"""`python -m eventflow.bench.copy RECORDING CORE`: run the fused chain on one core, once for each line of input."""

from __future__ import annotations

import os
import sys

from eventflow.bench.chain_graph import chain_graph, run_chain

if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {int(sys.argv[2])})
graph = chain_graph(sys.argv[1])
run_chain(graph, "fused")
print("ready", flush=True)
for _ in sys.stdin:
    print(run_chain(graph, "fused"), flush=True)

"""The one table of verbs. A module is imported when its verb is typed, so that help costs no more than argparse."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass(frozen=True)
class Verb:
    """One verb.

    Attributes:
        module: where `arguments(parser)` and `main(options) -> exit code` live.
        usage: what follows it, for the overview.
        summary: what it does, in a line.
    """

    module: str
    usage: str
    summary: str

    def load(self) -> Any:
        """Return the verb's module."""
        return import_module(self.module)


VERBS = {
    "run": Verb("eventflow.cli.run", "GRAPH", "run a graph, by its name or file"),
    "check": Verb("eventflow.cli.check", "GRAPH", "say everything that is wrong with a graph, without running it"),
    "draw": Verb("eventflow.cli.draw", "GRAPH", "draw a graph as SVG or Mermaid"),
    "nodes": Verb("eventflow.cli.nodes", "[NAME]", "list the nodes, or explain one"),
    "schema": Verb("eventflow.cli.schema", "", "print the JSON schema of graph files"),
    "info": Verb("eventflow.cli.info", "FILE...", "say what is in recordings"),
    "index": Verb("eventflow.cli.index", "FILE...", "let any time in a recording be reached at once"),
    "convert": Verb("eventflow.cli.convert", "SRC… DST", "write recordings in another format"),
    "view": Verb("eventflow.cli.view", "FILE|URL", "show events in a window"),
    "record": Verb("eventflow.cli.record", "SOURCE OUT", "record a camera, a stream, a scene"),
    "export": Verb("eventflow.cli.export", "FILE OUT", "make a video or picture of a recording"),
    "synth": Verb("eventflow.cli.synth", "[SCENE OUT]", "simulate a scene, or list the scenes"),
    "top": Verb("eventflow.cli.top", "[RUN]", "show the nodes and edges of a running graph"),
    "set": Verb("eventflow.cli.set", "[RUN] N.P=V", "change a live parameter of a running graph"),
    "keys": Verb("eventflow.cli.keys", "NAME", "make keys for streams that leave this host"),
    "steer": Verb("eventflow.cli.steer", "ORDER [RUN]", "pause, resume, step, seek or stop a running graph"),
    "train": Verb("eventflow.cli.train", "OUT", "train a small spiking network that tells digits apart"),
    "score": Verb("eventflow.cli.score", "TASK …", "score results against a known truth: denoise"),
    "bench": Verb("eventflow.cli.bench", "[NAME]", "measure speed here, beside other libraries if wanted"),
    "doctor": Verb("eventflow.cli.doctor", "", "look at this installation and machine"),
}


def overview() -> str:
    """Return what `eventflow --help` prints."""
    width = max(len(f"{name} {verb.usage}") for name, verb in VERBS.items())
    lines = [f"  {f'{name} {verb.usage}':{width}}  {verb.summary}" for name, verb in VERBS.items()]
    return "\n".join(
        [
            "Usage: eventflow VERB ...",
            "",
            "Dataflow graphs for event cameras: real time or replayed, lossless, the same result wherever they run.",
            "",
            *lines,
            "",
            "`eventflow VERB --help` explains a verb. Begin with `eventflow run demo`.",
            "Exit codes: 0 done; 1 failed while running, or lost what the graph does not allow; 2 wrong command line",
            "or graph, nothing was run or written; 130 Ctrl-C.",
        ]
    )

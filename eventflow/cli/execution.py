"""Running a graph on behalf of a verb: what is shown while it runs, what is said at the end, the exit code."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eventflow.cli.command import DONE, FAILED, INTERRUPTED
from eventflow.cli.report import damage, report
from eventflow.errors import RunError
from eventflow.io.parts import PartFile, writing
from eventflow.kernels.jit import cache_folder
from eventflow.runtime import run

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventflow.graph.graph import Graph


def execute(graph: Graph, *, summary_path: str | None = None, strict: bool = False, **options: Any) -> int:
    """Run a graph, report, and return the exit code.

    Args:
        graph: the checked graph.
        summary_path: where the summary goes, as JSON.
        strict: whether damage in a recording is a failure.
        options: of `eventflow.runtime.run`.
    """
    summary_file = None if summary_path is None else PartFile(Path(summary_path))
    try:
        summary = _shown(graph, hash_outputs=summary_file is not None, **options)
    except RunError as error:
        # what was counted until it failed is worth keeping
        _keep(getattr(error, "summary", None), summary_file)
        raise
    except BaseException:
        _keep(None, summary_file)
        raise
    _keep(summary, summary_file)
    print(report(graph, summary))
    found = damage(graph, summary)
    for line in found:
        print(f"warning: {line}", file=sys.stderr)
    live = any(spec.node_class.live for spec in graph.nodes.values())
    if summary["interrupted"] and not live:
        return INTERRUPTED
    return FAILED if strict and found else DONE


def _keep(summary: dict[str, Any] | None, file: PartFile | None) -> None:
    if file is None:
        return
    if summary is None:
        file.discard()
        return
    with file, writing(file.path):
        file.part.write_text(json.dumps(summary, indent=2, default=str) + "\n")


def _shown(graph: Graph, **options: Any) -> dict[str, Any]:
    options["steerable"] = True
    if not sys.stderr.isatty():
        return run(graph, on_notice=_Once(lambda text: print(text, file=sys.stderr, flush=True)), **options)
    from eventflow.cli.live import LiveTable

    with LiveTable(graph.name) as table:
        once = _Once(table.say)

        def announce(text: str) -> None:
            once(text)
            table.compiling(text)

        return run(graph, on_progress=table.update, on_notice=announce, **options)


class _Once:
    """Says once that kernels are being compiled, which is why nothing else happens for a while."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._said = False

    def __call__(self, text: str) -> None:
        if not self._said:
            self._said = True
            self._say(f"{text}, and more; the next run finds them in {cache_folder()}")

"""Training data from recordings: a graph is run on each, and the slices or grids it leaves unread are stored."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from eventflow.errors import GraphError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from eventflow.datasets import Listing
    from eventflow.datasets.shards import ShardLimit
    from eventflow.graph import Graph
    from eventflow.io.conversion.tasks import Work

FORMATS: Final = ("npz", "h5", "pt", "tar")
PARAMETER: Final = "recording"
_PLACE: Final = "<recording>"
_MAKER: Final = "eventflow.cli.preparing:make"
_STORED: Final = ("Slice", "Grid")


def prepare(
    sources: Sequence[str],
    folder: str,
    graph: str,
    *,
    to: str,
    set: Sequence[str] = (),
    output: str | None = None,
    layout: str | None = None,
    shard: str | None = None,
    jobs: int = 1,
    dask: str | None = None,
    resume: bool = False,
    on_progress: Callable[[dict[str, Any]], None] | None = None,
) -> dict[str, Any]:
    """Run a graph on each recording and store its slices or grids in a folder, one file a recording.

    Args:
        sources: recordings, patterns, folders; with `layout` the one folder of a dataset.
        folder: the target.
        graph: a graph file or name whose parameter `recording` says what it reads.
        to: npz, h5, pt (PyTorch) or tar (a WebDataset shard).
        set: parameters of the graph, as `--set` takes them.
        output: node or node.port whose output is stored; None: the only one that nobody reads.
        layout: how the dataset is laid out, for labels, splits and parts of recordings; None: no labels.
        shard: join the samples of all recordings, TAR archives in `folder/recordings`, to shards in `folder/shards` of
            so many samples ("1000") or bytes ("500MB").
        jobs: number of processes.
        dask: address of a Dask scheduler, or "local".
        resume: leave what an earlier run finished as it is.
        on_progress: as `eventflow.convert` has it.

    Returns:
        The report of a converted tree; records have `samples` (how many of which kind), `label` and `split`. With
        `shard` also `shards`: `path`, `samples` and `size_bytes` of each.
    """
    from eventflow.io.conversion.tree import refuse_own_source, run_tree

    if to not in FORMATS:
        raise ParameterError(f"--to {to}: training data is written as {', '.join(FORMATS)}")
    limit = _limit(shard, to)
    checked = _loaded(graph, set)
    node, port = _output_of(checked, output)
    plain = {"graph": _plain(checked), "output": [node, port], "to": to}
    refuse_own_source(sources, Path(folder))
    if layout is None:
        works, others = _from_tree(sources, folder, plain)
        notes: Sequence[str] = ()
    else:
        listing = _listing(sources, layout)
        plain |= {"classes": list(listing.classes)}
        works, others, notes = _from_listing(listing, plain), [], listing.notes
    place = Path(folder) if limit is None else Path(folder, "recordings")
    report = run_tree(works, place, plain, jobs=jobs, dask=dask, resume=resume, on_progress=on_progress)
    if limit is not None:
        report["shards"] = _shards(report, Path(folder), limit)
    return report | {"others": others, "notes": list(notes)}


def _limit(shard: str | None, to: str) -> ShardLimit | None:
    from eventflow.datasets.shards import ShardLimit

    if shard is not None and to != "tar":
        raise ParameterError(f"--shard is for --to tar, not {to}: the other formats have one file a recording")
    return None if shard is None else ShardLimit.from_text(shard)


def _shards(report: dict[str, Any], folder: Path, limit: ShardLimit) -> list[dict[str, Any]]:
    from eventflow.datasets.shards import join_shards

    parts = [(each["target"], each["split"]) for each in report["recordings"]]
    return join_shards(parts, folder / "recordings", folder / "shards", limit)


def make(
    source: str, target: str, plain: dict[str, Any], *, verify: bool, on_progress: Callable[[float], None] | None
) -> tuple[dict[str, Any], list[str] | None]:
    """Run the graph on one recording; see `eventflow.io.conversion.tasks.Work`."""
    from eventflow.runtime import run

    graph = _graph_for(source, target, plain)
    summary = run(graph, place="fused")
    store = next(reversed(graph.nodes))
    counted: dict[str, dict[str, int]] = {"skipped": {}, "repaired": {}}
    for name, reasons in counted.items():
        for node in summary["nodes"].values():
            for reason, count in node[name].items():
                reasons[reason] = reasons.get(reason, 0) + count
    item = plain.get("item", {})
    return {
        "events": summary["events"],
        "format": plain["to"],
        "samples": summary["results"].get(store, {}),
        "label": item.get("label"),
        "split": item.get("split", ""),
        "left_behind": [],
        **counted,
    }, None


def _loaded(graph: str, values: Sequence[str]) -> Graph:
    from eventflow.graph.file import load_graph

    checked = load_graph(graph, set=[*values, f"{PARAMETER}={_PLACE}"])
    if not any(_PLACE in spec.parameters.values() for spec in checked.nodes.values()):
        raise GraphError(
            [f"{graph}: no node reads ${{{PARAMETER}}}; give the node that reads `path: ${{{PARAMETER}}}`"]
        )
    return checked


def _plain(graph: Graph) -> dict[str, Any]:
    """Return the graph without what does not change its results: where its file lies, how it is placed."""
    plain = graph.plain()
    for each in [*plain["nodes"].values(), *plain["edges"]]:
        each["where"] = ""
    found: dict[str, Any] = json.loads(json.dumps(plain | {"path": "", "text": "", "place": {}}, default=str))
    return found


def _output_of(graph: Graph, wanted: str | None) -> tuple[str, str]:
    """Return node and port of the output that is stored.

    Raises:
        ParameterError: there is no such one, or several.
    """
    read = {(edge.source, edge.source_port) for edge in graph.edges}
    stored = [
        (name, port.name)
        for name, spec in graph.nodes.items()
        for port in spec.outputs.values()
        if port.any or any(kind.__name__ in _STORED for kind in port.types)
    ]
    if wanted is not None:
        chosen = [each for each in stored if wanted in (each[0], ".".join(each))]
    else:
        chosen = [each for each in stored if each not in read]
    if len(chosen) != 1:
        known = ", ".join(".".join(each) for each in stored) or "none"
        what = (
            f"--output {wanted}" if wanted is not None else f"{len(chosen)} outputs of slices or grids are left unread"
        )
        raise ParameterError(f"{what}: name one with --output; the graph's outputs of slices or grids: {known}")
    return chosen[0]


def _from_tree(sources: Sequence[str], folder: str, plain: dict[str, Any]) -> tuple[list[Work], list[dict[str, str]]]:
    from eventflow.io.conversion.settings import Settings
    from eventflow.io.conversion.sources import find, target_names
    from eventflow.io.conversion.tasks import Work

    search = find(sources, target=Path(folder), settings=Settings())
    names = target_names(search.recordings, f".{plain['to']}")
    works = [Work(each, names[each.name], plain, maker=_MAKER) for each in search.recordings]
    return works, search.others


def _listing(sources: Sequence[str], layout: str) -> Listing:
    from eventflow.datasets import load

    if len(sources) != 1:
        raise ParameterError("--layout is that of one dataset: name its folder alone")
    return load(sources[0], layout=None if layout == "auto" else layout)


def _from_listing(listing: Listing, plain: dict[str, Any]) -> list[Work]:
    from eventflow.io.conversion.content import size_and_time
    from eventflow.io.conversion.sources import Found
    from eventflow.io.conversion.tasks import Work

    works = []
    for item in listing:
        size, mtime_ns = size_and_time(item.path)
        about = {"label": item.label, "split": item.split, "begin": item.start, "end": item.end} | item.options
        boxes = getattr(item, "boxes_path", None)
        about |= {} if boxes is None else {"boxes": str(Path(boxes).absolute())}
        name = item.name.replace(":", "-")
        base = name.removesuffix(PurePosixPath(name).suffix) if name == item.name else name
        found = Found(item.path.absolute(), item.name, size, mtime_ns)
        works.append(Work(found, f"{base}.{plain['to']}", plain | {"item": about}, maker=_MAKER))
    targets = {work.target for work in works}
    if len(targets) != len(works):
        raise ParameterError("two samples of the dataset would get one name")
    return works


def _graph_for(source: str, target: str, plain: dict[str, Any]) -> Graph:
    """Return the graph that reads `source` and stores in `target`."""
    from eventflow.graph.graph import EdgeSpec, NodeSpec, graph_from_plain
    from eventflow.graph.node import parsed_parameters
    from eventflow.graph.registry import node_class

    item = {name: value for name, value in plain.get("item", {}).items() if value is not None}
    described = json.loads(json.dumps(plain["graph"]))
    for each in described["nodes"].values():
        if _PLACE in each["parameters"].values():
            own = {name: item[name] for name in ("begin", "end", "format", "width", "height") if name in item}
            each["parameters"] |= {name: value for name, value in own.items() if name in each["parameters"]}
        each["parameters"] = {name: source if v == _PLACE else v for name, v in each["parameters"].items()}
    graph = graph_from_plain(described)
    kind = node_class("samples")
    given = {"path": target, "label": item.get("label", -1), "boxes": item.get("boxes")}
    name = "samples"
    while name in graph.nodes:
        name += "_"
    store = NodeSpec(name, "samples", kind, parsed_parameters(kind, given))
    node, port = plain["output"]
    edge = EdgeSpec(len(graph.edges), node, port, name, "message")
    return dataclasses.replace(graph, nodes=graph.nodes | {name: store}, edges=[*graph.edges, edge])

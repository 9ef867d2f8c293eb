"""Score place recognition: two drives past the same places, every method, tolerance and sequence length.

A drive is a folder of images (counts of events, a window each, in the order of their names) or a map that
`place_learn` wrote. Without REFERENCE and QUERY: the sample drives, where they are.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from eventflow.cli.options import add_json, print_json

if TYPE_CHECKING:
    import argparse

    from eventflow.score.places import PlaceScore

_SAMPLE = "place/lens_example/davis128"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the task takes."""
    parser.add_argument("drives", metavar="REFERENCE QUERY", nargs="*", help="a folder of images, or a map (.h5)")
    parser.add_argument(
        "--truth", metavar="FILE.npy", help="matrix (places, queries), or the index of each query's place"
    )
    parser.add_argument(
        "--radius", type=float, default=2.0, metavar="M", help="of maps with poses: as far as a place is (2)"
    )
    parser.add_argument("--shift", type=int, default=0, metavar="N", help="move the truth by N places (0)")
    parser.add_argument("--tolerances", default="0,1,3", metavar="N,…", help="places beside the right one (0,1,3)")
    parser.add_argument("--lengths", default="1,4,10", metavar="L,…", help="windows in a sequence (1,4,10)")
    parser.add_argument("--square", action="store_true", help="tolerance along the queries too, as LENS counts it")
    parser.add_argument("--sequence", choices=("diagonal", "speeds"), default="diagonal", help="how windows are joined")
    parser.add_argument("--methods", default="", metavar="NAME;…", help="those whose names begin so; all if absent")
    parser.add_argument(
        "--plot", metavar="FILE", help="draw similarity, precision and matches (needs the extra `plot`)"
    )
    add_json(parser)


def main(options: argparse.Namespace) -> int:
    """Score, and print a table."""
    import numpy as np

    from eventflow.errors import ParameterError
    from eventflow.score import place_sets

    if len(options.drives) not in (0, 2):
        raise ParameterError(f"{len(options.drives)} drives, expected REFERENCE and QUERY, or none for the samples")
    paths = [Path(each) for each in options.drives] or _samples()
    reference, query = (place_sets.read_drive(path) for path in paths)
    given = _loaded(options.truth) if options.truth else None
    truth = _truth(place_sets.truth_index(reference, query, given, radius_m=options.radius), reference, query)
    truth = _moved(truth, options.shift)
    table: list[tuple[str, PlaceScore, Any]] = []
    lengths = _numbers("--lengths", options.lengths, low=1)
    tolerances = _numbers("--tolerances", options.tolerances, low=0)
    names = [name.strip() for name in options.methods.split(";") if name.strip()]
    for method in place_sets.chosen(names):
        plain = place_sets.similarity_of(method, reference, query)
        for length in lengths:
            found = place_sets.joined(plain, reference, kind=options.sequence, length=length)
            table += _scored(method.name, found, truth, tolerances, length, square=options.square)
    if not names:
        belief = place_sets.recognised(reference, query)
        for length in dict.fromkeys((lengths[0], lengths[-1])):
            table += _scored("place_recognise", belief, truth, tolerances, length, square=options.square)
    if options.plot:
        from eventflow.score.place_plot import draw

        draw([each for each in table if each[1].tolerance == tolerances[-1]], np.asarray(truth), Path(options.plot))
    if options.json:
        print_json([{"method": name} | score.row() for name, score, _ in table])
    else:
        _print(table, reference, query, options)
    return 0


def _scored(
    name: str, found: Any, truth: Any, tolerances: list[int], length: int, *, square: bool
) -> list[tuple[str, PlaceScore, Any]]:
    from eventflow.score.places import score_places

    window: Any = "square" if square else "places"
    return [
        (name, score_places(found, truth, tolerance=tolerance, length=length, window=window), found)
        for tolerance in tolerances
    ]


def _print(table: list[tuple[str, PlaceScore, Any]], reference: Any, query: Any, options: argparse.Namespace) -> None:
    along = "places and queries" if options.square else "places"
    print(f"{reference.path} ({len(reference)} places), {query.path} ({len(query)} queries)")
    print(
        f"tolerance along {along}, truth moved by {options.shift}; L: windows in a causal sequence, {options.sequence};"
    )
    print("place_recognise joins all windows so far, its L says from which query on it counts\n")
    print(f"{'method':26}{'tol':>4}{'L':>4}{'queries':>9}{'R@1':>7} {'95 % interval':15}", end="")
    print(f"{'R@5':>6}{'R@10':>7}{'AUC':>7}{'R@100P':>8}{'P@100R':>8}")
    for name, score, _ in table:
        r, interval = score.recall, f"{score.low:.3f} to {score.high:.3f}"
        print(f"{name:26}{score.tolerance:4}{score.length:4}{score.with_place:9}{r[1]:7.3f} {interval:15}", end="")
        print(f"{r[5]:6.3f}{r[10]:7.3f}{score.auc:7.3f}", end="")
        print(f"{score.recall_at_full_precision:8.3f}{score.precision_at_full_recall:8.3f}")


def _truth(known: Any, reference: Any, query: Any) -> Any:
    from eventflow.score.places import truth_from_indices, truth_from_matrix

    places = len(reference)
    if known.ndim == 1:
        from eventflow.errors import ParameterError

        if len(known) != len(query):
            raise ParameterError(f"the truth has {len(known)} indices, expected {len(query)}, one a query")
        return truth_from_indices(known, places=places)
    return truth_from_matrix(known, places=places, queries=len(query))


def _moved(truth: Any, by: int) -> Any:
    import numpy as np

    moved = np.zeros_like(truth)
    places = len(truth)
    if abs(by) < places:
        moved[max(by, 0) : places + min(by, 0)] = truth[max(-by, 0) : places + min(-by, 0)]
    return moved


def _loaded(path: str) -> Any:
    import numpy as np

    from eventflow.errors import RecordingError

    try:
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise RecordingError(f"{path}: cannot be read as a NumPy array: {error}") from None


def _numbers(name: str, text: str, *, low: int) -> list[int]:
    from eventflow.errors import ParameterError

    try:
        numbers = [int(each) for each in text.split(",")]
    except ValueError:
        numbers = []
    if not numbers or min(numbers) < low:
        raise ParameterError(f"{name} {text!r} is not a list of whole numbers of at least {low}, such as 1,4,10")
    return numbers


def _samples() -> list[Path]:
    from eventflow.bench.inputs import samples
    from eventflow.errors import ParameterError

    root = samples()
    if root is None or not (root / _SAMPLE).is_dir():
        raise ParameterError("the sample drives are not here: name REFERENCE and QUERY, folders of images or maps")
    return [root / _SAMPLE / "example-reference", root / _SAMPLE / "example-query"]

"""Rank denoisers by the area under their ROC, on recordings and scenes whose noise is known.

Without RECORDING: the grid of the documentation, sample recordings (where present) and simulated scenes.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from eventflow.cli.options import add_json, print_json

if TYPE_CHECKING:
    import argparse

_WITHIN = 0.003


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the task takes."""
    parser.add_argument("recordings", metavar="RECORDING", nargs="*", help="a file, or synth:SCENE")
    parser.add_argument("--rates", default="1,5,10", metavar="HZ,…", help="shot noise, events/s a pixel (1,5,10)")
    parser.add_argument("--leak", type=float, default=0.3, metavar="HZ", help="leak noise, events/s a pixel (0.3)")
    parser.add_argument("--seed", type=int, default=7, help="of the noise (7)")
    parser.add_argument("--denoisers", default="", metavar="NAME;…", help="those whose names begin so; all if absent")
    parser.add_argument("--settings", action="store_true", help="search k, radius, polarity and window instead")
    parser.add_argument("--weights", metavar="FILE", help="HDF5 file with an MLPF network, to score it too")
    parser.add_argument("--mesr", action="store_true", help="add MESR beside its control, random thinning")
    parser.add_argument("--plot", metavar="FILE", help="draw the curves (needs the extra `plot`)")
    add_json(parser)


def main(options: argparse.Namespace) -> int:
    """Score, and print a table."""
    from eventflow.score import denoise, denoisers

    weights = _weights(options.weights)
    among = denoisers.searched(weights) if options.settings else denoisers.usual(weights)
    names = [name.strip() for name in options.denoisers.split(";") if name.strip()]
    chosen = denoisers.chosen(names, among)
    sources = options.recordings or denoise.grid_sources(_samples())
    cases = denoise.labelled_cases(sources, _rates(options.rates), leak_hz=options.leak, seed=options.seed)
    results = []
    for result in denoise.score_denoisers(cases, chosen, with_mesr=options.mesr):
        results.append(result)
        if not options.json:
            _print_row(result.row())
    if options.plot:
        from eventflow.score.roc_plot import draw

        draw(results, Path(options.plot))
    found = denoise.summary(results)
    if options.json:
        print_json({"results": [result.row() for result in results], **found})
    else:
        _print_summary(found)
    return 0


def _print_row(row: dict[str, Any]) -> None:
    text = f"{row['case']:28} {row['denoiser']:36} AUC {row['auc']:.4f}  signal kept at 90 % rejection "
    print(f"{text}{row['signal_kept_at_90']:.3f}, at 99 % {row['signal_kept_at_99']:.3f}", flush=True)
    if "mesr" in row:
        values = {name: "-" if value is None else value for name, value in row["mesr"].items()}
        shown = ", ".join(f"{name} {v:.4f}" if isinstance(v, float) else f"{name} {v}" for name, v in values.items())
        print(f"{'':28} MESR: {shown}")


def _print_summary(found: dict[str, Any]) -> None:
    print(f"\n{'mean over all cases':36}  AUC    largest loss to the best of a case")
    for name, auc in sorted(found["mean_auc"].items(), key=lambda each: -each[1]):
        print(f"{name:36} {auc:.4f}  {found['largest_loss'][name]:.4f}")
    from eventflow.score.denoise import ADAPTIVE, ADAPTIVE_LEFT_OUT

    ours = (ADAPTIVE, ADAPTIVE_LEFT_OUT)
    print(f"\n{'case':28} best of the others, and how far above it is: adaptive; trained without this recording")
    for case, lead in found["lead"].items():
        above = [f"{lead[key]:+.4f}" if key in lead else "-" for key in ours]
        print(f"{case:28} {lead['auc']:.4f} {lead['best_other']:38} {above[0]:>8} {above[1]:>8}")
    for key in ours:
        leads = [lead[key] for lead in found["lead"].values() if key in lead]
        if leads:
            within = sum(lead >= -_WITHIN for lead in leads)
            print(f"{key}: within {_WITHIN} of the best of the others, or above it, in {within} of {len(leads)} cases")


def _rates(text: str) -> list[float]:
    from eventflow.errors import ParameterError

    try:
        rates = [float(each) for each in text.split(",")]
    except ValueError:
        raise ParameterError(f"--rates {text!r} is not a list of numbers such as 1,5,10") from None
    if not all(0 <= rate <= 10_000 for rate in rates):
        raise ParameterError(f"--rates {text!r}: expected 0 to 10000 events/s a pixel")
    return rates


def _samples() -> Path | None:
    from eventflow.bench.inputs import samples

    return samples()


def _weights(given: str | None) -> Path | None:
    return jaer_weights() if given is None else Path(given)


def jaer_weights() -> Path | None:
    """Return the file of jAER's MLPF among the sample recordings, None where it is absent."""
    root = _samples()
    found = None if root is None else root / "denoise" / "mlpf_98_20_1_tau100ms.h5"
    return found if found is not None and found.exists() else None

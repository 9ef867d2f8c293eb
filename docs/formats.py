"""Write the table of formats in docs/formats.md from the formats themselves: their rows, decoders and encoders."""

from __future__ import annotations

import inspect
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from eventflow.io.decoder import Decoder
from eventflow.io.table import formats

if TYPE_CHECKING:
    from eventflow.io.decoder import Encoder
    from eventflow.io.table import Format

TARGET = Path(__file__).resolve().parent / "formats.md"
BEGIN, END = "<!-- formats -->", "<!-- end of formats -->"
EVERY_KIND = frozenset(("grids", "tracks", "places"))
HEAD = "| name | what it is | suffix | read | in time | written |\n| --- | --- | --- | --- | --- | --- |"


def decoders_of(row: Format) -> list[type[Decoder]]:
    """Return the class that a format's `open_decoder` says it returns, or where it says no more than Decoder, all."""
    module = row.load()
    found = vars(module).get(str(module.open_decoder.__annotations__["return"]))
    if found is not None and found is not Decoder:
        return [found]
    classes = (each for each in vars(module).values() if inspect.isclass(each))
    return [each for each in classes if issubclass(each, Decoder) and each is not Decoder]


def written_with(row: Format, folder: Path) -> frozenset[str]:
    """Return the streams and columns beside plain events that an encoder made without options can hold."""
    file: Any = folder / f"{row.name}{row.suffixes[0]}" if row.own_files else BytesIO()
    encoder: Encoder = row.load().open_encoder(file, width=240, height=180)
    encoder.finish()
    return encoder.streams | encoder.columns


def table() -> str:
    """Return the table."""
    with TemporaryDirectory() as folder:
        return "\n".join([HEAD, *(_row(row, Path(folder)) for row in formats())])


def _row(row: Format, folder: Path) -> str:
    decoders = decoders_of(row) if row.reads else []
    read = _names("events", frozenset().union(*(each.streams for each in decoders))) if row.reads else "no"
    written = _names("events", written_with(row, folder)) if row.writes else "no"
    suffixes = ", ".join(f"`{suffix}`" for suffix in row.suffixes)
    return f"| `{row.name}` | {row.title} | {suffixes} | {read} | {_in_time(decoders)} | {written} |"


def _names(first: str, others: frozenset[str]) -> str:
    if others >= EVERY_KIND:
        return f"{first}, messages of every kind"
    return ", ".join([first, *(f"further {first}" if name == first else name for name in sorted(others))])


def _in_time(decoders: list[type[Decoder]]) -> str:
    table = any(each.seek is not Decoder.seek for each in decoders)
    marks = any(each.mark is not Decoder.mark for each in decoders)
    return " or ".join(["table"] * table + ["index"] * marks) or "from the start"


def page() -> str:
    """Return the page with the table as it is to be."""
    head, _, rest = TARGET.read_text().partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n{table()}\n{END}{tail}"


if __name__ == "__main__":
    TARGET.write_text(page())

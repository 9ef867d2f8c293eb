"""The manifest of a converted tree: one JSON line a recording, and the journal it is made from.

While a conversion runs, a line is appended to the journal whenever a target has its name. At the end the lines become
the manifest, sorted, and the journal goes. Neither holds a wall time or a host, so that a tree finished in two runs
equals one that was never disturbed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from eventflow.errors import RecordingError
from eventflow.io.conversion.content import content_hash, size_and_time
from eventflow.io.conversion.settings import digest_of
from eventflow.io.conversion.sources import JOURNAL, MANIFEST
from eventflow.io.parts import PartFile, writing

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    from eventflow.io.conversion.tasks import Work

VERSION: Final = 1
Record = dict[str, Any]


class Manifest:
    """The manifest and the journal of one target folder.

    Args:
        folder: the target folder.
        options: how all targets are made, plain values.
    """

    def __init__(self, folder: Path, options: dict[str, Any]) -> None:
        self.folder = folder
        self._head = {"eventflow_manifest": VERSION, "options": options, "options_hash": digest_of(options)}
        self.records: dict[str, Record] = {}

    def finished(self, works: Iterable[Work]) -> dict[str, Record]:
        """Return the records of recordings whose targets are there, whole, and made in the same way."""
        old = self._read(MANIFEST) | self._read(JOURNAL)
        found = {work.found.name: self._checked(old.get(work.found.name), work) for work in works}
        return {name: record for name, record in found.items() if record is not None}

    def begin(self, records: dict[str, Record]) -> None:
        """Start the journal with what is finished already."""
        self.records = dict(records)
        with writing(self.folder / JOURNAL), PartFile(self.folder / JOURNAL) as parts:
            parts.part.write_text("".join(map(_line, self.records.values())), encoding="utf-8")

    def add(self, record: Record) -> None:
        """Note a finished recording."""
        self.records[record["source"]] = record
        with writing(self.folder / JOURNAL), (self.folder / JOURNAL).open("a", encoding="utf-8") as journal:
            journal.write(_line(record))

    def finish(self) -> Path:
        """Write the manifest and remove the journal."""
        lines = [self._head, *(self.records[name] for name in sorted(self.records))]
        with writing(self.folder / MANIFEST), PartFile(self.folder / MANIFEST) as parts:
            parts.part.write_text("".join(map(_line, lines)), encoding="utf-8")
        (self.folder / JOURNAL).unlink(missing_ok=True)
        return self.folder / MANIFEST

    def _read(self, name: str) -> dict[str, Record]:
        try:
            lines = (self.folder / name).read_bytes().split(b"\n")
        except FileNotFoundError:
            return {}
        records = (_record(line) for line in lines[:-1])  # what follows the last line end was cut off by a kill
        return {record["source"]: record for record in records if record is not None}

    def _checked(self, record: Record | None, work: Work) -> Record | None:
        if record is None or record.get("options_hash") != work.digest or record.get("target") != work.target:
            return None
        found, path = work.found, self.folder / work.target
        try:
            if record["size"] != found.size:
                return None
            if record["mtime_ns"] != found.mtime_ns and content_hash(found.path) != record["hash"]:
                return None
            if size_and_time(path)[0] != record["target_size"] or content_hash(path) != record["target_hash"]:
                return None
        except (KeyError, RecordingError):
            return None
        return record | {"mtime_ns": found.mtime_ns}


def _line(record: Record) -> str:
    return json.dumps(record, sort_keys=True) + "\n"


def _record(line: bytes) -> Record | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) and isinstance(record.get("source"), str) else None


def read_manifest(folder: str | os.PathLike[str]) -> list[Record]:
    """Return the records of a converted tree, by name.

    Raises:
        RecordingError: the folder has no manifest.
    """
    path = Path(folder) / MANIFEST
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise RecordingError(f"{path}: no manifest of a converted tree") from error
    return [record for line in lines if (record := _record(line)) is not None]

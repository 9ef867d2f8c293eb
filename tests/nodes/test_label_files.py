"""Labels as CSV: every value reads back."""

from __future__ import annotations

import csv

from eventflow.graph.drive import drive
from eventflow.messages import Label
from eventflow_nodes.sinks.write import Write


def test_labels_read_back(tmp_path):
    path = tmp_path / "labels.csv"
    given = [Label(10, 3, 0.1 + 0.2, "three"), Label(20, 4, 1.0, 'a "quoted", one'), Label(20, 0, 0.0)]
    drive(Write(path=str(path)), {"message": given})
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    found = [(int(row["t"]), int(row["label"]), float(row["confidence"]), row["name"]) for row in rows]
    assert found == [(each.t, each.label, each.confidence, each.name) for each in given]

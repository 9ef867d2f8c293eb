"""Write graphs/graph.schema.json anew from the stock nodes. Run it after changing a node's parameters or ports."""

from __future__ import annotations

from pathlib import Path

from eventflow.graph.schema import graph_schema, is_stock, text_from_schema

TARGET = Path(__file__).resolve().parents[1] / "graphs" / "graph.schema.json"

if __name__ == "__main__":
    TARGET.write_text(text_from_schema(graph_schema(is_stock)))
    print(f"wrote {TARGET}")

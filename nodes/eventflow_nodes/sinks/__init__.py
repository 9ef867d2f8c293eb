"""Stock nodes: sinks."""

"""Stock nodes: slice."""

"""Stock nodes: transform."""

"""Stock nodes: sources."""

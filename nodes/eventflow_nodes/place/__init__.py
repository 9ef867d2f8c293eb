"""Stock nodes: place."""

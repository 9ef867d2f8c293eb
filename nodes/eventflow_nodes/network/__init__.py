"""Stock nodes: network."""

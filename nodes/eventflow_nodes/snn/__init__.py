"""Spiking networks in the stream: one node a file."""

"""Engines that run a discrete Model."""

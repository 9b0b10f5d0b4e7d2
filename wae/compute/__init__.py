"""Devices, random streams, and what belongs to one version of torch."""

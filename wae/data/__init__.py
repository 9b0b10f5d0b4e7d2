"""Datasets: the interface of a source, the sources, and what a prepared dataset looks like on disk."""

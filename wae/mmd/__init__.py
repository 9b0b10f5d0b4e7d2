"""Distances between samples of codes: the MMD in its forms."""

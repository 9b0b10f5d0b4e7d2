"""Figures as SVG, PDF and PNG."""

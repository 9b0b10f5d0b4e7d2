"""Arithmetic on finished results: reads CSV and JSON only, and imports no torch."""

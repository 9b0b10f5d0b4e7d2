"""The version of this suite."""

__version__ = "0.1.0"

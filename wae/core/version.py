"""The version of this suite."""

__version__ = "0.2.0"

"""Benchmark and reproducibility suite for Wasserstein autoencoders (Tolstikhin et al., ICLR 2018)."""

__version__ = "0.1.0"

"""Models that are not Wasserstein autoencoders, on the same interface: one file per method."""

"""Training methods: the interface and the Wasserstein autoencoders."""

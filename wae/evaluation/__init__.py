"""What is measured of trained methods: distances to real images, reconstruction, the latent match."""

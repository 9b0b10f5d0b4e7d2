"""The kernel scales of the WAE paper: the default of a setting, and constants of the measures."""

# A file of its own, which the digest of a stage's code sees: editing them reruns what they decide.
IMQ_SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
PARZEN_SIGMAS = tuple(round(10 ** (-1 + 0.7 * k / 19), 6) for k in range(20))  # 0.1 to 0.5, even in the logarithm

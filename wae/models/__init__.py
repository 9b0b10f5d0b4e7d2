"""Networks and priors."""

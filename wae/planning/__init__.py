"""From a config to the plan of its runs: validation, variants, compatibility, the code's fingerprint."""

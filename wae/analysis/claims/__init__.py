"""The review's claims, judged from results."""

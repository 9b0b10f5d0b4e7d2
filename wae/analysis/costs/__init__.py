"""How costs grow, and where they meet."""

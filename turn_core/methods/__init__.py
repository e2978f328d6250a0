"""Training methods, each in its paper's order."""

"""One training run, from a list to a checkpoint."""

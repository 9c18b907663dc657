"""Training on a Ray cluster. Only what is called by this package's name knows of Ray, which is an extra."""

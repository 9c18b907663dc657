"""Offline training: from a list of names to a published checkpoint. Imports `model` only."""

"""The HTTP service: loads published models and answers. Imports `model` only."""

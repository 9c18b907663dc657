"""Exact numbers about models: expected length, repeats, divergence, percentiles."""

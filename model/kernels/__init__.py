"""The loops that numpy cannot express, compiled by numba. Plain arrays in, plain arrays out.

Who calls them checks the arguments: a kernel trusts its indices. Kernels release the interpreter's lock and use
no fast-math, so that threads run side by side and every machine computes the same numbers.
"""

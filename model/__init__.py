"""The pure core: what a model is, how it is stored, and what is computed from it.

Nothing here knows of HTTP, of a command line or of the environment, and nothing here prints.
"""

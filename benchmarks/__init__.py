"""Each module measures namesmith and its reference in the same run, and prints both."""

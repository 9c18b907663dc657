"""Lists of names: read, split, counted, and what counting alone reaches."""

"""Text of names: the alphabet, how people write names, and many names as arrays."""

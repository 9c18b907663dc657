"""What a worker takes on at a time, whose turn it is, and what is refused with 503."""

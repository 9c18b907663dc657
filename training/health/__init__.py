"""Is it healthy? What a run looked like, what that means in words, and the report that shows it."""

"""Who may ask, how much, and what is refused when there is too much to do."""

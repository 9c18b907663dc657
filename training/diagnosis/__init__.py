"""What a run looked like, and what that means in words."""

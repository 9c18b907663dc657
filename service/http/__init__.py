"""What HTTP looks like here: requests, responses, problems, JSON to the letter."""

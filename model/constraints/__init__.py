"""What a request asks of the letters of a name, as automata."""

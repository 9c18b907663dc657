"""From a trained network to the automaton that is served. Imports PyTorch."""

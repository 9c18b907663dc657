"""A model as a finite automaton: what follows each context, and how a request reshapes it."""

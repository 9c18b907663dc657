"""Drawing and ranking names, exactly, under the constraints of a request."""

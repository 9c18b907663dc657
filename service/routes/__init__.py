"""The endpoints: each takes a request, has it answered, and sends the response."""

"""`capacity`, `cluster` and `files`: large numbers of requests, machines and names."""

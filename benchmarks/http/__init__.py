"""`http` and `models`: the service beside other servers, and with more models."""

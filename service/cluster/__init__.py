"""The service on several machines, by Ray: replicas behind one address, and folders of many files."""

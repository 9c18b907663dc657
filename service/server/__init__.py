"""Sockets, connections, worker processes: uvicorn with deadlines and an orderly end."""

"""`sampling`: names a second in one process, and what constraints cost."""

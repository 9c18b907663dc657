"""The network: layers by hand, a stack of them, and the file that holds one."""

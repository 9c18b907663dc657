"""Who may ask, and how much: keys, addresses, quotas."""

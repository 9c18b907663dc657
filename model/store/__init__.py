"""Published versions on disk: what a version holds, the store, its history."""

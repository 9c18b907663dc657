"""Many runs: settings compared on one list, and one model for each list of a folder."""

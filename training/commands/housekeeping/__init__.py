"""Commands that change or list what a store holds."""

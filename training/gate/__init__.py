"""What a checkpoint must show before it is published, and how two versions compare."""

"""The ways to train: presets and layer lists."""

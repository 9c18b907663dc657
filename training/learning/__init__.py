"""The training loop: objectives, optimisers, teachers, and going on from where it stopped."""

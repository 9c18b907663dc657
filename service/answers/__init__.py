"""What a request comes to: resolved to a model and a sampler, then answered."""

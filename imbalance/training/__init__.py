"""Training: from a configuration to a fitted network."""

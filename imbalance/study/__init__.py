"""Studies: a grid of losses and seeds beside linear baselines, resumable, with its report."""

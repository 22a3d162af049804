"""Speed, side by side with other systems: ``python -m benchmarks``."""

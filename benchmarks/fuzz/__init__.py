"""What a stranger may hand to this library, made up by machines: ``python -m benchmarks.fuzz``."""

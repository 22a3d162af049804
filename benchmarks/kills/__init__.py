"""Runs that are killed and resumed; see :mod:`benchmarks.kills.__main__`."""

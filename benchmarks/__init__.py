"""Benchmarks: each module is a command; results under benchmarks/results/."""

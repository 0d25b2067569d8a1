"""From results to files, tables, plots and docs/BENCHMARKS.md."""

from benchmarks.report.results import show, write

__all__ = ["show", "write"]

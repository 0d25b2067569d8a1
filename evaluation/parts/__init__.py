"""What is measured, one module a part. Each takes a running model and gives rows for the tables."""

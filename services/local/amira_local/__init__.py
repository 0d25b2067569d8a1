"""Amira on one machine: the `amira` command and the local stack it runs."""

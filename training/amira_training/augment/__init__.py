"""Disturbances that recordings meet in life, each a function of samples and a random generator."""

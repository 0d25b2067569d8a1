"""Kaldi-compatible log-mel filterbank features, streaming, in numba."""

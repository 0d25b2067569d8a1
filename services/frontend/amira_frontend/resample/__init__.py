"""Any rate to 16 kHz, by a filter of our own in numba: every sample depends on sound and position alone."""

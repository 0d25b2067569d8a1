"""Word error rates of a checkpoint, by source and chunk size."""

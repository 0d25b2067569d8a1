"""From a manifest to batches: texts, recordings, packed sets, and the feeder that keeps training busy."""

"""Decoder service: features in, words out. Owns the batch, the slots and the search."""

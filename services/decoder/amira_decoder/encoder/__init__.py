"""The decoder's clients of the encoder: Triton, or (for development) in the same process."""

from amira_decoder.encoder.base import Encoder, EncoderBatch, EncoderGeometry, EncoderOutput

__all__ = ["Encoder", "EncoderBatch", "EncoderGeometry", "EncoderOutput"]

"""Audio encodings: bytes in any cuts to blocks of mono float32 samples, one encoding per module."""

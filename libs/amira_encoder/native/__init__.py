"""Amira's own kernels for the encoder that its training recipe makes.

    features ──► stem (three convolutions) ──► six layers of attention and feed-forward ──► encoder frames
                     └────── all products: int8, AVX512-VNNI ──────┘
                                                └── keys and values stay where they are, per slot

Other engines take a stream's whole state in and give it back, a megabyte each way for every chunk, and
spend more time on that than on arithmetic. Here a slot's state is changed in place. Every row is
rounded, multiplied and added up by itself, so that a stream's result never depends on its batch.
"""

"""The recipe of Amira's bundled model: data, synthesis, augmentation, training, evaluation, export."""

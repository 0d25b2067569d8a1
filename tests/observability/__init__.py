"""A package, so that what all of its tests share ends with the last of them."""

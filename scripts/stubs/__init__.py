"""Client code for other languages, generated from the public protos."""

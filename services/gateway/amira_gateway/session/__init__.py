"""One client's stream, from its first message to its status."""

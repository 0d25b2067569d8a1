"""What keeps strangers off the wire: TLS for ports and channels, bounds on slow and greedy connections."""

"""Broken and hostile input, by the hundred thousand: each module with a main is a command (`make fuzz`)."""

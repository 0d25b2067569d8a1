"""The frontend service: audio bytes to log-mel features."""

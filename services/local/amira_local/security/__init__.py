"""Commands for who may use a server."""

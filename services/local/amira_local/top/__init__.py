"""`amira top`: how the services do, in a terminal, from their metrics."""

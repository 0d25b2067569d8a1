"""Gateway, frontend and decoder in one process."""

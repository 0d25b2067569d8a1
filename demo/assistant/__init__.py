"""A voice assistant that runs offline, on Amira: `make assistant`, docs/ASSISTANT.md."""

"""How often commands are understood: `python -m demo.assistant.measure`."""

"""One module per command: what it reads, what it writes, when there is nothing to do."""

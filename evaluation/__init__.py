"""What a model recognizes, measured through the running stack: `make eval`."""

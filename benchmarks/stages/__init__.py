"""What the stages cost, each by itself: `make bench-stages`."""

"""What the assistant does: one module for each subject, each gives its answers as text."""

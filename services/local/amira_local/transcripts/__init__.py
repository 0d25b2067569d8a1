"""What was said, in the forms that files have."""

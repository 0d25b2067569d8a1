"""What spoken words stand for, and how values are said."""

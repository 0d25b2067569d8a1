"""Training in three phases (stem, heads, joint), all run by one loop."""

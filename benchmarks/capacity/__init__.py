"""From streams per machine to what a fleet needs, what it costs, and what a lost zone does to it."""

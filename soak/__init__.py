"""Hours of streams that come, end, break off and are refused: does anything grow, and is every word right?"""

"""Small asyncio primitives, one per module."""

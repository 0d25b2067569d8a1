"""What every Amira service shares: errors, settings, logs, gRPC plumbing, asyncio primitives."""

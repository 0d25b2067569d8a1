"""gRPC plumbing: server and channel options, error mapping, health, process life."""

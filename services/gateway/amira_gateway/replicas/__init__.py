"""The replicas of the services behind the gateway: which there are, which work, and which takes a stream."""

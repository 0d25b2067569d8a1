"""Proof that nothing is lost or doubled, whatever dies: a fleet, real speech and faults (`make chaos`)."""

"""The gateway, the only door: public protocol outside, a frontend and a decoder call per stream inside."""

"""Trace: what really blocks an event loop while the user's own command runs."""

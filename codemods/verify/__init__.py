"""Verify: every stage must pass the application's own tests, in a copy; what they refuse is taken back."""

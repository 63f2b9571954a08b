"""The audit log: reads it, and finds out whether somebody changed it."""

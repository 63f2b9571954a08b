"""Hands doubtful places to experts, one holder at a time, and keeps what they decide."""

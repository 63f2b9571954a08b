"""Shodhana restores the Sanskrit in lecture transcripts that a speech recogniser garbled."""

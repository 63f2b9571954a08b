"""Corrects transcripts: one file at once, or many as a job spread over workers."""

"""Scores corrected transcripts, keeps the reports and sums them up by day."""

"""The RPCs of the review contract, a file for each part of the queue."""

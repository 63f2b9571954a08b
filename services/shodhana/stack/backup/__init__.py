"""Backup and recovery: taken with the servers' own tools, encrypted with age, kept in a folder or in S3."""

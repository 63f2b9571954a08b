"""Postgres, the in-process snapshot and the embedding service behind the ports of the domain."""

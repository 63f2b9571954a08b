"""Entries, versions, importers and the search, without gRPC or SQL."""

"""Accounts, roles and tokens, without gRPC or SQL."""

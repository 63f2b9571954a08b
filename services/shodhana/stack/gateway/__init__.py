"""Builds Envoy's configuration out of small functions, one module a concern."""

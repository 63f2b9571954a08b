"""Engines, batches and the embedder, without gRPC."""

"""Rules, scores and gates, without gRPC or SQL."""

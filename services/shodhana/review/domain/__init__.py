"""Cases, leases and decisions, without gRPC or SQL."""

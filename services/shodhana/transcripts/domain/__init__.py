"""Files, spans, decisions and jobs, without gRPC or SQL."""

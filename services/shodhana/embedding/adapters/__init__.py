"""The engines behind the port of the domain."""

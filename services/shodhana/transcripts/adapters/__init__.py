"""The other services and Postgres behind the ports of the domain."""

"""Key files and Postgres tables behind the ports of the domain."""

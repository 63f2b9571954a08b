"""The queue in Postgres and the relay of its changes."""

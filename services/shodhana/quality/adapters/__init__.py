"""The lexicon of the similarity service and Postgres behind the ports of the domain."""

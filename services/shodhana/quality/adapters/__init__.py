"""The lexicon of the similarity service, attested forms and Postgres behind the ports of the domain."""

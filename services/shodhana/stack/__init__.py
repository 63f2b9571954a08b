"""The whole mesh on one machine: real Postgres, Redis and Envoy, every service, started in order of health."""

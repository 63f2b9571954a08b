"""What every service runs on: server, channels, auth, errors, telemetry, caches and pools, written once."""

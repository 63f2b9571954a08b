"""A real OpenID provider, and a browser that logs in at it."""

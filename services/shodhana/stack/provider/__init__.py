"""The development log-in: an OpenID provider, bound to the loopback, at which anybody is anybody.

It stands in for a real one on a developer's machine, and is not started where OIDC_ISSUER names one.
"""

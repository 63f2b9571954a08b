"""Says who calls and what they may do: service accounts, users, roles, and the short tokens every call carries."""

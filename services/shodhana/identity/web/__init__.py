"""What a browser sees of identity: logging in and out, and letting a tool act for a person."""

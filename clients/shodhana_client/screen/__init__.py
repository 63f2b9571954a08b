"""The screen of `shodhana review`; it needs Textual, which the extra `tool` brings."""

"""What every part knows about Sanskrit in Latin letters: normal form, fold, tokens, scripts, IAST. Pure functions."""

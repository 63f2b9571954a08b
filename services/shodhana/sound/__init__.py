"""How Sanskrit is garbled by recognisers and popular spelling: as data, as a distance, and as a source of noise."""

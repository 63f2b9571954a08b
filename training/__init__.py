"""Makes what the services ship and did not write by hand: the phonetic weights and the combiner. Run from the root."""

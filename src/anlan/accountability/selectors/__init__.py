"""Reads of accountability: the stored tree, proofs, the state as of an instant, what is wrong."""

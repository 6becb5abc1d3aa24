"""Use cases of accountability: seal, export, watch, tell of sickness, destroy what is due."""

"""Methods: arrays in, arrays out; one method per file; no word of a city, no framework, no clock."""

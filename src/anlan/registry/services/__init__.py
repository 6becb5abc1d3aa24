"""What changes the registry: loading a city, keeping accounts and tokens."""

"""The live picture: what it shows, how it is drawn on a map, and how it reaches its viewers."""

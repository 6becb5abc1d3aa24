"""What the registry can be asked: areas, duties, places, and the packs in force."""

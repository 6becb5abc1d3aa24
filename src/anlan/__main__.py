"""``python -m anlan``."""

from anlan.entrypoints.cli import main

main()

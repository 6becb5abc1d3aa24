"""Running a replay: give what was known, let the clockwork run, write down what came of it."""

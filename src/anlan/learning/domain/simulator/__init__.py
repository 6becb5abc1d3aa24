"""The city simulator (城市模拟器): made-up readings with planted faults and incidents, and the truth about them."""

"""Readings over MQTT: a client of the city's own broker, and a door of Anlan's own (ADR 0014)."""

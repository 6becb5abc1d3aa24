"""OGC SensorThings API 1.1 over the registry and the observation store (SensorThings 接口).

``docs/reference/sensor-things.md`` says what stands for what, and what of the standard is met.
"""

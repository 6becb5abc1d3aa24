"""The edge: the one process that writes the observation store, and takes readings in over HTTP.

``docs/adr/0013`` tells why; ``serving`` starts and ends it, ``door`` answers, ``credentials``
asks who may send.
"""

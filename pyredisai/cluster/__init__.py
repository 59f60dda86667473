"""Cluster mode: who serves which slot, and the bus on which the nodes agree on it."""

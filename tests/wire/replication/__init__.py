"""Replication over the wire."""

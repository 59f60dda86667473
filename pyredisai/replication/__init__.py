"""Replication: the stream's history, the primary's side, the replica's handshake. No sockets."""

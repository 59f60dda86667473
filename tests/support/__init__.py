"""What tests share: server processes, a raw RESP client, paths."""

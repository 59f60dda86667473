"""Jobs, and how they get to a device: one queue each, worker threads, batches. Knows no keys and no RESP."""

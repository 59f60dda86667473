"""What outlives the process: RDB files, AOF files, DUMP payloads, and the AI types inside them."""

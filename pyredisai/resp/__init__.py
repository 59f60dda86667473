"""RESP2 and RESP3 without I/O: requests in (`parser`), reply values (`replies`) out (`encoder`)."""

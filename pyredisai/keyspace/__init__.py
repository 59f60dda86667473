"""Databases of keys: values, expiry, who watches them, what happened to them. No RESP, no I/O."""

"""The running server: connections, dispatch, and the root that puts everything together."""

"""The frameworks. Only the modules named after one import it, and only when it is first needed."""

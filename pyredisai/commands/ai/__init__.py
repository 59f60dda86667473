"""The AI.* commands."""

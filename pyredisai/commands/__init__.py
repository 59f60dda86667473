"""The commands: one module a family, each command declared once beside its handler (`spec`)."""

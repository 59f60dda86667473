"""Configuration: one table of parameters, and the ways in (conf file, command line, run time)."""

"""Users and what they may do: rules in (`rules`), rules out (`describe`), enforcement (`permissions`), commands."""

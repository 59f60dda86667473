"""INFO: sections of fields. Each section is a function from the server's services to its fields, in order."""

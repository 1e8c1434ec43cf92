"""Payer plugins, found once at start and asked in a child process that may be killed."""

"""Practices, staff, sign-up, sign-in, tokens, the door to the data, and the audit."""

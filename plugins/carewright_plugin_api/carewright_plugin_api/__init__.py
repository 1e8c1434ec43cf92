"""What a Carewright payer plugin is written against. Standard library, pluggy and a YAML reader; no server."""

API_VERSION = "1.1"
"""Major: a plugin must be changed. Minor: facts, findings or helpers were added, nothing taken away."""

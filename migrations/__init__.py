"""The schema's history. Runs as the owning role; the app never does."""

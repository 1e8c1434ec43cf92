"""The pages: Jinja templates, htmx, a little plain script. Pages call actions; they hold no rules."""

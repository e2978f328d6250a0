"""Parts of pages: each takes values, shows them, and returns what the person chose."""

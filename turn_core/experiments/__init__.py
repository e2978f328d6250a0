"""The figures of the papers as experiments: plain callables that need neither store nor browser."""

"""Widgets: each takes values and returns a value; none touches the store."""

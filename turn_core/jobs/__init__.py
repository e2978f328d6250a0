"""Jobs: a worker claims them from the store and runs each in a process of its own."""

"""The store: rows in SQLite or PostgreSQL, arrays and images as files. It knows no torch.

`engine` is the only file that knows dialects, `tables` the schema; there is one file of query
functions per entity. They take a session, return frozen records and never commit.
"""

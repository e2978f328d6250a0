"""Import: a source (ZIP, folder, Parquet, digits) is inspected, then read as a stream.

`inspect` looks and proposes a plan; `read_source` yields bytes with exact labels; `ImageStore`
decodes and keeps them. Nothing is ever extracted under a name that a source gave.
"""

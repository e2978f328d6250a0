"""The tables and figures of the TURN paper by name: its numbers beside ours."""

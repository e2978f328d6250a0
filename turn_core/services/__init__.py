"""Use cases: one function is one use case in one transaction. Import the modules you need.

Importing a service pulls in no torch: what computes runs in jobs.
"""

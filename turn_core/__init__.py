"""TURN Audit: find wrong labels, correct them, and train a model that is robust to the rest."""

__version__ = "0.1.0"

"""The shell of TURN Audit: pages, widgets and routes. It knows no torch and no SQL."""

"""The pages of the app, in the order in which the sidebar names them."""

PAGES = (
    ("overview", "Overview", ":material/space_dashboard:"),
    ("data", "Data", ":material/photo_library:"),
    ("runs", "Runs", ":material/model_training:"),
    ("review", "Review", ":material/rule:"),
    ("adjudicate", "Adjudicate", ":material/balance:"),
    ("quality", "Quality", ":material/verified:"),
    ("explore", "Explore", ":material/scatter_plot:"),
    ("ledger", "Ledger", ":material/history:"),
    ("export", "Export", ":material/download:"),
    ("people", "People", ":material/group:"),
)
"""The name of each page's file, its title and its icon; the first is the start page."""

"""Writers of corrected labels and models, one file per format.

Tables (`tables`) hold every column of `columns`; archives hold the images too. Writers take rows
and an open file: they know neither the store nor where the file goes (`services.exports` does).
"""

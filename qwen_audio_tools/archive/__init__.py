"""Archives of recordings: podcasts and folders, listened to once, searched and asked for years.

The ledger, one JSON file per episode, is the truth; the index and all else is made from it anew.
"""

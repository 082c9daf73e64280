"""The index of an archive: made from the ledger, and made anew from it at any time."""

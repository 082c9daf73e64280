"""What `qwa archive` is made of: one file per command."""

"""The engines, and the table of their names."""

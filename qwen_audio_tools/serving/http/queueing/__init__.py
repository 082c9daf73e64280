"""Who waits for an engine, and who is at one."""

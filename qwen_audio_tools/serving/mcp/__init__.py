"""The tools of an agent over the Model Context Protocol: `qwa mcp`."""

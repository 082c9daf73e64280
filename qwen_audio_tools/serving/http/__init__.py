"""OpenAI's HTTP API over any engine: `app.create_app` makes it, `running.Server` serves it."""

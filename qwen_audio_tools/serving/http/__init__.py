"""OpenAI's HTTP API over any engine: `app.create_app` makes it, `running.run` serves it."""

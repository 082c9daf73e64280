"""Any server that speaks the protocol of OpenAI's chat completions, one or a fleet of them."""

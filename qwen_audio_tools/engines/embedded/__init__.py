"""The offline cascade: small models whose weights come in packages of the ordinary registry."""

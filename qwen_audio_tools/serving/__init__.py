"""Other programs reach the engines through these: thin translations of protocols they speak."""

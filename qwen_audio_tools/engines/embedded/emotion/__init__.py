"""What feeling words, vocal sounds and voice allow to tell."""

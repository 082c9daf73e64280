"""What voices are like, and how many there are."""

"""What `qwa chat` is made of: the growing chat, its commands, the terminal, Ctrl-C, saved chats."""

"""What a question asks: routing to tasks, its form, the sounds it names."""

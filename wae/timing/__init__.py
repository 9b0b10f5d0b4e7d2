"""What a penalty and a training step cost in seconds and bytes."""

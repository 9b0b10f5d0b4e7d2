"""One loop for every method, with its schedules, pre-training, checkpoint and run folder."""

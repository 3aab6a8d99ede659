"""One run, from a method to its record: data, model, optimizer, loop, checkpoints, ranks."""

"""One run, from a method's row to its record: data, model, optimizer, loop, checkpoints, ranks."""

"""One step of training around any base optimizer: its passes, buffers, generators and state."""

"""Records in, a comparison out: differences with intervals, and the sentences that they bear."""

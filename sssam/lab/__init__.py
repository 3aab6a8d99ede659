"""The laboratory: measures on a task what each method costs and brings. It uses `sssam`, never the reverse."""

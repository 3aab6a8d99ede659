"""The laboratory: measures what each method costs and brings. It uses `sssam`, never the reverse."""

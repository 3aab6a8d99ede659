"""The laboratory: measures what each method costs and brings. `sssam` never uses it."""

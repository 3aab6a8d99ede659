"""The single charts: a comparison or a schedule in, an Altair chart out."""

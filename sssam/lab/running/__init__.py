"""The runs of a study that have no record yet: checked, handed to an engine, watched, kept."""

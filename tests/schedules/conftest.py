from hypothesis import settings

# a shared machine may be slow without anything being wrong
settings.register_profile("schedules", deadline=None)
settings.load_profile("schedules")

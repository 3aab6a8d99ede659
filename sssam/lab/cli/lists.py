"""`sssam methods` and `sssam tasks`."""


def methods() -> int:
    """List the methods: how each is named among variants, what it costs, and what it does.

    Passes are those of a step, at the settings of the class; 1 is the base's.
    """
    from sssam.lab.cli import terminal
    from sssam.lab.studies import lists

    terminal.draw(lists.methods(), wrapped="what it does")
    terminal.say("", "A variant is a kind, or a kind with settings: looksam:k=5,rho=0.1.")
    return 0


def tasks() -> int:
    """List the tasks that have a name: their data, training samples, model and length.

    Data beside digits are read from the hub once, or from the path that --data names. Where no
    number of samples is given, all are taken.
    """
    from sssam.lab.cli import terminal
    from sssam.lab.studies import lists

    terminal.draw(lists.tasks())
    terminal.say(
        "",
        "A task is also a file (sssam init writes one), a folder of images, a table, or "
        "hub:ORGANISATION/NAME.",
    )
    return 0

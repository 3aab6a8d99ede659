"""`python -m sssam.lab.choosing`: writes the tables of the documents anew."""

from sssam.lab.choosing.tables import main

if __name__ == "__main__":
    main()

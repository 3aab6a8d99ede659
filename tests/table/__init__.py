"""The table of optimizers that the battery of tests runs over."""

from tests.table.family import FAMILY
from tests.table.rivals import RIVALS
from tests.table.row import ALL_FORMS, STEPS, Row

__all__ = ["ALL_FORMS", "STEPS", "TABLE", "Row"]

TABLE: dict[str, Row] = FAMILY | RIVALS

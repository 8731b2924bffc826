"""Release files made of what a project has already: a bake definition, or a workflow of GitHub Actions.

:func:`from_bake` and :func:`from_workflow` give an :class:`Imported`: the text of the release file, and everything that
could not be carried over. They read only the file that they are given and ask no registry.
"""

from __future__ import annotations

from shipset.importers.bake import from_bake
from shipset.importers.starter import starter
from shipset.importers.values import Imported, Remark
from shipset.importers.workflow import from_workflow

__all__ = ["Imported", "Remark", "from_bake", "from_workflow", "starter"]

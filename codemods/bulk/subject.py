"""A repository's project as it was read from its clone."""

from dataclasses import dataclass

from codemods.bulk.job import Job
from codemods.bulk.running import NothingToDo, StepError, inside
from codemods.catalogue_files import catalogue_for
from codemods.config_file import ConfigError
from codemods.pipeline import in_order
from codemods.project import Loaded, ProjectError, load
from codemods.settings import effective, narrowed
from transforms.catalogue import Catalogue, CatalogueError
from transforms.index import ParseCache
from transforms.model import Settings


@dataclass(frozen=True)
class Subject:
    """The project, and what is known from reading it."""

    loaded: Loaded
    names: tuple[str, ...]
    settings: Settings
    catalogue: Catalogue
    cache: ParseCache


def read_subject(job: Job) -> Subject:
    """The project in the clone. Raises NothingToDo when there is none, or StepError."""
    path = inside(job.git.folder, job.spec.path, "path")
    try:
        loaded = load(path)
        chosen = effective(loaded.root, dict(job.spec.migration))
        loaded = narrowed(loaded, chosen)
        if not any(b"flask" in data.lower() for data in loaded.project.python.values()):
            raise NothingToDo("it is no Flask application: no Python file names Flask")
        return Subject(loaded, tuple(in_order(chosen.values["stages"])), chosen.settings, catalogue_for(loaded), ParseCache())
    except ProjectError:
        raise NothingToDo("it holds no Python file") from None
    except (ConfigError, CatalogueError) as error:
        raise StepError(f"its own settings cannot be used: {job.log.clean(str(error))}") from None
    except OSError as error:
        raise StepError(f"it cannot be read: {job.log.clean(str(error))}") from None

"""What each kind of job runs, as "module:function"; imported only in the job's own process."""

from collections.abc import Mapping

from turn_core.types import JobKind

TASKS: Mapping[JobKind, str] = {
    JobKind.INSPECT: "turn_core.jobs.tasks.inspect_source:run",
    JobKind.IMPORT: "turn_core.jobs.tasks.import_source:run",
    JobKind.TRAIN: "turn_core.jobs.tasks.train:run",
    JobKind.EXPORT: "turn_core.jobs.tasks.export:run",
    JobKind.EXPLORE: "turn_core.jobs.tasks.explore:run",
    JobKind.WHAT_IF: "turn_core.jobs.tasks.what_if:run",
    JobKind.SEARCH: "turn_core.jobs.tasks.search:run",
    JobKind.COMPARE: "turn_core.jobs.tasks.compare:run",
}

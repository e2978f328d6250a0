"""Every error that a person may read; each message is one sentence with a way out.

TurnError
├── ConfigError          a setting is outside its range, or two settings contradict
├── DataError            the data cannot be used as they are
│   └── IngestError      an upload or folder is refused as a whole
├── BackboneError        a backbone is unknown, unreachable or not loadable
├── StoreError           the store is unusable: old SQLite, newer schema, network disk
├── NotFoundError        no such project, run, sample, job or export
├── ConflictError        somebody else changed the thing meanwhile, or a name is taken
├── PermissionDeniedError  the person's role does not allow it
├── JobError             a job failed for a reason that its owner can act on
│   └── JobCancelled     a person pressed Cancel
└── ResourceError        disk, memory or device is exhausted
"""


class TurnError(Exception):
    """Base of all errors whose text is written for the user."""


class ConfigError(TurnError, ValueError):
    """A setting is out of range; the message names it, the range and the value that came."""


class DataError(TurnError, ValueError):
    """Data cannot be used; the message names what was expected and what came."""


class IngestError(DataError):
    """An upload or folder is refused as a whole; nothing of it was stored."""


class BackboneError(TurnError):
    """A backbone is unknown, unreachable or not loadable; the message lists what is there."""


class StoreError(TurnError):
    """The store cannot be used safely; the message says what to mend."""


class NotFoundError(TurnError, LookupError):
    """No such project, run, sample, job or export."""


class ConflictError(TurnError):
    """The thing changed meanwhile or is taken; the message shows both sides."""


class PermissionDeniedError(TurnError):
    """The person's role does not allow it; the message names the role that does."""


class JobError(TurnError):
    """A job failed for a reason that its owner can act on."""


class JobCancelled(JobError):  # noqa: N818 - an outcome, not a fault
    """A person pressed Cancel; the job ends without a result."""


class ResourceError(TurnError):
    """Disk, memory or device is exhausted; the message says how much was needed."""

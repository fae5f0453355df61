"""Everything that can go wrong for a user, each with a stable code and a hint.

    LinkdError
    ├── RequestError                the request cannot be understood
    │   ├── InvalidRequest              invalid-request
    │   ├── InvalidIndexSettings        invalid-index-settings
    │   ├── InvalidRequirement          invalid-requirement
    │   ├── NothingRequired             nothing-required
    │   ├── UnhashedRequirement         unhashed-requirement
    │   ├── HashContradiction           hash-contradiction
    │   ├── InvalidRequirementFile      a requirement file cannot be read
    │   │   ├── UnknownFileOption           unknown-file-option
    │   │   ├── MisplacedOption             misplaced-option
    │   │   ├── InvalidOptionValue          invalid-option-value
    │   │   ├── InvalidHash                 invalid-hash
    │   │   ├── UnbalancedQuote             unbalanced-quote
    │   │   ├── IncludedFileMissing         included-file-missing
    │   │   ├── IncludedFileRemote          included-file-remote
    │   │   ├── RecursiveInclude            recursive-include
    │   │   ├── MissingVariable             missing-variable
    │   │   └── InvalidConstraint           invalid-constraint
    │   └── InvalidTomlFile             a TOML file cannot be used
    │       ├── InvalidLockFile             a lock file cannot be used
    │       │   ├── LockFileSyntax              lock-file-syntax
    │       │   ├── LockFileVersion             lock-file-version
    │       │   ├── LockFileContent             lock-file-content
    │       │   ├── LockFileUnfit               lock-file-unfit
    │       │   └── LockFilesContradict         lock-files-contradict
    │       └── InvalidProjectFile          a pyproject.toml cannot be used
    │           ├── ProjectFileSyntax           project-file-syntax
    │           ├── ProjectFileContent          project-file-content
    │           ├── ProjectTableMissing         project-table-missing
    │           ├── DynamicDependencies         dynamic-dependencies
    │           ├── UnknownExtra                unknown-extra
    │           ├── UnknownGroup                unknown-group
    │           └── GroupCycle                  group-cycle
    ├── ResolveError                the requirements cannot be resolved
    │   ├── ProjectNotFound             project-not-found
    │   ├── NoCompatibleWheel           no-compatible-wheel
    │   ├── Unsolvable                  unsolvable
    │   └── ResolutionLimit             resolution-limit
    ├── FetchError                  something could not be fetched
    │   ├── IndexUnavailable            index-unavailable
    │   ├── DownloadFailed              download-failed
    │   ├── HashMismatch                hash-mismatch
    │   └── AccessDenied                access-denied
    ├── WheelError                  a wheel cannot be used
    │   ├── BrokenWheel                 broken-wheel
    │   │   ├── NotAZip                     not-a-zip
    │   │   ├── TruncatedWheel              truncated-wheel
    │   │   ├── InvalidWheelName            invalid-wheel-name
    │   │   ├── WheelMisnamed               wheel-misnamed
    │   │   ├── NoDistInfo                  no-dist-info
    │   │   ├── SeveralDistInfos            several-dist-infos
    │   │   ├── DistInfoIncomplete          dist-info-incomplete
    │   │   ├── UnsupportedWheelVersion     unsupported-wheel-version
    │   │   ├── RecordMissing               record-missing
    │   │   ├── RecordMismatch              record-mismatch
    │   │   └── EncryptedWheel              encrypted-wheel
    │   └── UnsafeWheel                 unsafe-wheel
    │       ├── PathEscape                  path-escape
    │       ├── AbsolutePath                absolute-path
    │       ├── LinkInWheel                 link-in-wheel
    │       └── DuplicateMember             duplicate-member
    ├── BuildError                  a source could not be built
    │   ├── BuildFailed                 build-failed
    │   ├── BuildForbidden              build-forbidden
    │   ├── BuildCycle                  build-cycle
    │   ├── SourceUnsafe                source-unsafe
    │   └── VcsFailed                   vcs-failed
    ├── StoreError                  the cache cannot be used
    │   ├── NoSpace                     no-space
    │   ├── CacheUnusable               cache-unusable
    │   ├── WheelDamaged                wheel-damaged
    │   ├── CompilationFailed           compilation-failed
    │   └── CacheOccupied               cache-occupied
    ├── TargetError                 the environment cannot be used
    │   ├── EnvironmentMissing          environment-missing
    │   ├── NotAnEnvironment            not-an-environment
    │   │   └── InterpreterMissing          interpreter-missing
    │   ├── EnvironmentNotWritable      environment-not-writable
    │   ├── EnvironmentExists           environment-exists
    │   ├── EnvironmentBusy             environment-busy
    │   ├── RecoveryFailed              recovery-failed
    │   ├── ExternallyManaged           externally-managed
    │   └── InterpreterFailed           interpreter-failed
    ├── LinkError                   the environment could not be changed
    │   ├── LinkUnavailable             link-unavailable
    │   ├── CollisionRefused            collision-refused
    │   ├── PathOccupied                path-occupied
    │   ├── NotInstalled                not-installed
    │   ├── NoRecord                    no-record
    │   └── GraftFailed                 graft-failed
    └── DaemonError                 the daemon cannot run
        ├── AlreadyRunning              already-running
        ├── SocketUnusable              socket-unusable
        ├── InvalidSettings             invalid-settings
        └── PeerRefused                 peer-refused

What has no code beside it is a group, only there to be caught. An error's fields are the facts,
`detail` is the sentence for a person made of them, `hint` is what to do. Foreign errors (OSError,
HTTP, zip) are translated where they arise, with ``raise ... from``. What HTTP status an error has is
the api's business alone. docs/errors.md describes them all.
"""

from linkd.errors.base import LinkdError as LinkdError
from linkd.errors.builds import *
from linkd.errors.daemon import *
from linkd.errors.fetching import *
from linkd.errors.linking import *
from linkd.errors.lock_files import *
from linkd.errors.project_files import *
from linkd.errors.requests import *
from linkd.errors.requirement_files import *
from linkd.errors.resolving import *
from linkd.errors.store import *
from linkd.errors.system import is_no_space as is_no_space
from linkd.errors.system import reason_of as reason_of
from linkd.errors.targets import *
from linkd.errors.toml_files import *
from linkd.errors.wheels import *

"""The commands of the command line, one a module: `arguments(parser)` and `main(options) -> exit status`."""

from tlm.errors import InputError, UnfitError
from tlm.payload import AddressError
from tlm.simulation import DeadlockError
from workloads.vim.errors import WorkloadError

BAD_INPUT = (InputError, WorkloadError, AddressError, UnfitError)  # printed as they are, exit status 2
FAILURE = (DeadlockError,)  # printed as they are, exit status 1

"""The commands of the command line, one a module: `arguments(parser)` and `main(options) -> exit status`."""

from tlm.errors import InputError
from tlm.payload import AddressError
from workloads.vim.errors import WorkloadError

BAD_INPUT = (InputError, WorkloadError, AddressError)  # printed as they are, exit status 2

"""Load what trainings need, once for all parts, which are forks of the process that loads this."""

import io
from contextlib import redirect_stderr, redirect_stdout, suppress

# What does not work here fails once more in the parts, which say so.
with (
    suppress(Exception, SystemExit),
    redirect_stdout(io.StringIO()),
    redirect_stderr(io.StringIO()),
):
    from benchmarks.gpu.parts import train

    train(["--print_config"])  # ends as soon as all is loaded

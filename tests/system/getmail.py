#!/usr/bin/python3
"""getmail, without its race: it forks for each mail and installs its SIGCHLD handler only afterwards, so that now and then
it misses the end of a quick child and waits for its whole time-out. Here it waits for the child itself. Started with the
system's Python, which has getmail's modules."""

import os
import runpy

from getmailcore import baseclasses


def wait_for_child(_, child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


baseclasses.ForkingBase._prepare_child = lambda _: None
baseclasses.ForkingBase._wait_for_child = wait_for_child
runpy.run_path("/usr/bin/getmail", run_name="__main__")

"""Importing this module makes the process end with its parent, and those that it forks with it.

The server that forks the processes of a stage imports it first. When a build is killed, the server would otherwise
notice only between two forks, and take seconds to end on a busy machine; until then its processes would write into the
folder of a stage that the next run has begun already.
"""

import os

from builder.processes import die_with_parent

die_with_parent()
os.register_at_fork(after_in_child=die_with_parent)

# SPDX-License-Identifier: Apache-2.0
"""`vigie-node serve FACE`: run one process of the node, under a service manager of one's own."""

import argparse
import os
import sys

from vigie_node.cli import main, processes, supervisor, up
from vigie_node.project.faces import Face


def register(groups: main.Groups) -> None:
    """Add the command."""
    parser = main.add_command(
        groups,
        "serve",
        "run one process of the node: a face that answers, or the worker",
        run=run,
        example="vigie-node serve partner",
    )
    faces = [face.value for face in Face if face is not Face.COMMAND]
    parser.add_argument("face", choices=faces, metavar="FACE", help=f"one of {', '.join(faces)}")


def run(options: argparse.Namespace) -> int:
    """Be one process until told to end."""
    face = Face(options.face)
    plan = up.read_plan()
    up.check_home(plan.home)
    processes.prepare_figures(plan.home, anew=False)
    os.environ["VIGIE_FACE"] = face.value
    # In a child: what the check loads, the process that waits for the serving one need not hold.
    if refused := supervisor.wait_for(supervisor.fork(lambda: sys.exit(up.check_start([face])))):
        return refused
    processes.run(face, address=plan.addresses.get(face, ""))
    return 0

"""The command line of the kit.

    python3 -m jobs_kit worker [--only NAME] -- COMMAND…    checks a worker
    python3 -m jobs_kit server [--only NAME] URL            checks a server
    python3 -m jobs_kit list                                names every requirement
"""

from __future__ import annotations

import argparse
import os
import sys

from . import server_requirements, worker_requirements
from .requirement import Requirement, run_all


def main() -> int:
    """Runs the kit. The exit code is 1 if a requirement is not met."""
    parser = argparse.ArgumentParser(prog="jobs_kit", description="checks the lease protocol")
    commands = parser.add_subparsers(dest="command", required=True)
    worker = commands.add_parser("worker", help="check a worker: a command that starts it")
    worker.add_argument("--only", action="append", default=[], help="a requirement's name")
    worker.add_argument("run", nargs="+", help="the command; it reads JOBS_SERVER and JOBS_TOKEN")
    server = commands.add_parser("server", help="check a server: its URL")
    server.add_argument("--only", action="append", default=[], help="a requirement's name")
    server.add_argument("url")
    commands.add_parser("list", help="name every requirement")
    arguments = parser.parse_args()
    if arguments.command == "worker":
        return run_all(worker_requirements.requirements(arguments.run), arguments.only)
    if arguments.command == "server":
        token = os.environ.get("JOBS_TOKEN")
        return run_all(server_requirements.requirements(arguments.url, token), arguments.only)
    show("Workers", worker_requirements.requirements([]))
    show("Servers", server_requirements.requirements("http://localhost:1", None))
    return 0


def show(title: str, requirements: list[Requirement]) -> None:
    """Prints the requirements."""
    print(title)
    for one in requirements:
        print(f"  {one.name}: {one.promise}")


if __name__ == "__main__":
    sys.exit(main())

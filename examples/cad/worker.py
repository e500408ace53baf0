"""Executes the CAD jobs of `examples/cad.rs`: converts meshes, and generates gears.

    PYTHONPATH=clients/python/src python3 examples/cad/worker.py [FOLDER]

Meshes are read from and written to the folder; `examples/cad/meshes` has a small one.
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from gear import gear
from jobs_client import Context, Permanent, Worker
from mesh import MeshError, Report, Triangle, bounding_box, read, write

FOLDER = Path(__file__).parent / "meshes"

#: The largest mesh that is read, in bytes.
LARGEST = 64 * 1024 * 1024

worker = Worker(threads=2, version="1.0", labels=["cad"])


@worker.job("cad.conversion.process")
def convert(ctx: Context, payload: dict[str, Any]) -> dict[str, Any]:
    """Converts a mesh between STL and OBJ."""
    name = payload["mesh"]
    if Path(name).name != name:
        raise Permanent("the mesh must be a file of the folder, without a path")
    source = FOLDER / name
    try:
        if source.stat().st_size > LARGEST:
            raise Permanent(f"`{name}` is larger than {LARGEST} bytes")
        data = source.read_bytes()
    except FileNotFoundError:
        # It may still be on its way: the retry list decides.
        raise FileNotFoundError(f"no mesh `{name}`") from None
    ctx.log.info("reading %s", name, extra={"fields": {"bytes": len(data)}})
    try:
        triangles = read(data, name, part(ctx, 0, 50, "reading"))
    except MeshError as error:
        raise Permanent(f"`{name}`: {error}") from error
    return save(ctx, triangles, source.stem, payload["to"], 50)


@worker.job("cad.parametric.generate")
def generate(ctx: Context, payload: dict[str, Any]) -> dict[str, Any]:
    """Generates a gear."""
    report = part(ctx, 0, 80, "generating")
    triangles = gear(payload["teeth"], payload["module"], payload["thickness"], report)
    return save(ctx, triangles, "gear", "stl", 80)


def part(ctx: Context, begin: float, end: float, step: str) -> Report:
    """Reports the progress of a step, and stops it when the attempt has to end."""

    def report(done: float) -> None:
        ctx.check()
        ctx.progress(begin + (end - begin) * done, step)

    return report


def save(
    ctx: Context, triangles: list[Triangle], stem: str, form: str, begin: float
) -> dict[str, Any]:
    """Writes a mesh. Every attempt of an execution writes the same file, as a whole."""
    data = write(triangles, form, part(ctx, begin, 99, "writing"))
    name = f"{stem}-{ctx.execution_id}.{form}"
    with tempfile.NamedTemporaryFile(dir=FOLDER, delete=False) as file:
        file.write(data)
    os.replace(file.name, FOLDER / name)
    ctx.log.info("wrote %s", name, extra={"fields": {"triangles": len(triangles)}})
    return {"file": name, "triangles": len(triangles), "boundingBox": bounding_box(triangles)}


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    if sys.argv[1:]:
        FOLDER = Path(sys.argv[1])
    worker.run()

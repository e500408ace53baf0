"""Meshes of triangles: STL in both forms, and OBJ."""

from __future__ import annotations

import struct
from typing import Callable, Iterable

Point = tuple[float, float, float]
Triangle = tuple[Point, Point, Point]

#: Called with the part that is done, from 0 to 1. It may raise, to stop.
Report = Callable[[float], None]


class MeshError(Exception):
    """The file is no mesh."""


def read(data: bytes, name: str, report: Report) -> list[Triangle]:
    """Reads a mesh; the ending of the name tells the format."""
    if name.lower().endswith(".obj"):
        return _read_obj(data.decode("utf-8", "replace"), report)
    if name.lower().endswith(".stl"):
        return _read_stl(data, report)
    raise MeshError(f"`{name}` is neither .stl nor .obj")


def _read_stl(data: bytes, report: Report) -> list[Triangle]:
    count = struct.unpack_from("<I", data, 80)[0] if len(data) >= 84 else -1
    # A binary file may begin with `solid` as well; its length is exact.
    if len(data) == 84 + 50 * count:
        triangles = []
        for index in range(count):
            if index % 1000 == 0:
                report(index / count)
            numbers = struct.unpack_from("<12f", data, 84 + 50 * index)
            triangles.append((numbers[3:6], numbers[6:9], numbers[9:12]))
        return triangles
    if data[:5].lower() != b"solid":
        raise MeshError("the STL file is cut off")
    lines = data.decode("utf-8", "replace").splitlines()
    points: list[Point] = []
    for index, line in enumerate(lines):
        if index % 10_000 == 0:
            report(index / len(lines))
        words = line.split()
        if words[:1] == ["vertex"]:
            points.append(_point(words[1:4], index))
    if not points or len(points) % 3:
        raise MeshError(f"{len(points)} vertices do not make triangles")
    return [(points[i], points[i + 1], points[i + 2]) for i in range(0, len(points), 3)]


def _read_obj(text: str, report: Report) -> list[Triangle]:
    lines = text.splitlines()
    points: list[Point] = []
    triangles: list[Triangle] = []
    for index, line in enumerate(lines):
        if index % 10_000 == 0:
            report(index / len(lines))
        words = line.split("#")[0].split()
        if words[:1] == ["v"]:
            points.append(_point(words[1:4], index))
        elif words[:1] == ["f"]:
            corners = [_corner(word, points, index) for word in words[1:]]
            # A face with more corners becomes a fan.
            triangles += [
                (corners[0], corners[i], corners[i + 1]) for i in range(1, len(corners) - 1)
            ]
    if not triangles:
        raise MeshError("the OBJ file has no face")
    return triangles


def _point(words: list[str], line: int) -> Point:
    try:
        x, y, z = (float(word) for word in words)
    except ValueError as error:
        raise MeshError(f"line {line + 1} has no three numbers") from error
    return (x, y, z)


def _corner(word: str, points: list[Point], line: int) -> Point:
    try:
        number = int(word.split("/")[0])
        return points[number - 1 if number > 0 else number]
    except (ValueError, IndexError) as error:
        raise MeshError(f"line {line + 1} names a vertex that is not there") from error


def write(triangles: list[Triangle], form: str, report: Report) -> bytes:
    """Writes a mesh as `stl` or `obj`."""
    return _write_obj(triangles, report) if form == "obj" else _write_stl(triangles, report)


def _write_stl(triangles: list[Triangle], report: Report) -> bytes:
    parts = [b"jobs example".ljust(80), struct.pack("<I", len(triangles))]
    for index, (a, b, c) in enumerate(triangles):
        if index % 1000 == 0:
            report(index / len(triangles))
        parts.append(struct.pack("<12fH", *_normal(a, b, c), *a, *b, *c, 0))
    return b"".join(parts)


def _write_obj(triangles: list[Triangle], report: Report) -> bytes:
    numbers: dict[Point, int] = {}
    faces = []
    for index, triangle in enumerate(triangles):
        if index % 1000 == 0:
            report(index / len(triangles))
        corners = [numbers.setdefault(point, len(numbers) + 1) for point in triangle]
        faces.append("f " + " ".join(map(str, corners)))
    vertices = [f"v {x:.9g} {y:.9g} {z:.9g}" for x, y, z in numbers]
    return ("\n".join(vertices + faces) + "\n").encode()


def _normal(a: Point, b: Point, c: Point) -> Point:
    u = tuple(q - p for p, q in zip(a, b))
    v = tuple(q - p for p, q in zip(a, c))
    n = (u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0])
    length = sum(part * part for part in n) ** 0.5 or 1.0
    return (n[0] / length, n[1] / length, n[2] / length)


def bounding_box(triangles: Iterable[Triangle]) -> dict[str, list[float]]:
    """The box around a mesh."""
    axes = list(zip(*(point for triangle in triangles for point in triangle)))
    return {"min": [min(axis) for axis in axes], "max": [max(axis) for axis in axes]}

"""A spur gear as a mesh: trapezoid teeth around a disc."""

from __future__ import annotations

import math

from mesh import Point, Report, Triangle


def gear(teeth: int, module: float, thickness: float, report: Report) -> list[Triangle]:
    """Makes a gear around the z axis. `module` is the pitch diameter divided by the teeth."""
    outer, inner = module * (teeth / 2 + 1), module * (teeth / 2 - 1.25)
    # The corners of a tooth, as parts of its angle: root, tip, tip, root.
    corners = ((0.0, inner), (0.2, outer), (0.45, outer), (0.65, inner))
    outline: list[tuple[float, float]] = []
    for tooth in range(teeth):
        report(0.5 * tooth / teeth)
        for part, radius in corners:
            angle = 2 * math.pi * (tooth + part) / teeth
            outline.append((radius * math.cos(angle), radius * math.sin(angle)))
    triangles: list[Triangle] = []
    bottom: Point = (0.0, 0.0, 0.0)
    top: Point = (0.0, 0.0, thickness)
    for index, (x, y) in enumerate(outline):
        report(0.5 + 0.5 * index / len(outline))
        next_x, next_y = outline[(index + 1) % len(outline)]
        low, next_low = (x, y, 0.0), (next_x, next_y, 0.0)
        high, next_high = (x, y, thickness), (next_x, next_y, thickness)
        triangles += [
            (bottom, next_low, low),
            (top, high, next_high),
            (low, next_low, next_high),
            (low, next_high, high),
        ]
    return triangles

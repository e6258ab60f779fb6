"""Recovery and gap detection: pure decisions on (offset, epoch) positions.

Source: Centrifugo's history and recovery semantics. A recovery is whole or it is none; a gap is always noticed.
"""

from collections.abc import Iterable, Sequence

from vola.core.ports import HistoryPage, StoredPublication, StreamTop

__all__ = ["is_recovered", "merge_publications"]


def is_recovered(position: StreamTop, page: HistoryPage) -> bool:
    """Whether `page` holds everything that a subscriber at `position` missed.

    Args:
        position: the last publication that the subscriber saw; epoch "" matches any.
        page: publications after `position.offset`, oldest first, perhaps cut off by a limit.
    """
    if position.epoch not in ("", page.top.epoch):
        return False
    if not page.publications:
        return page.top.offset == position.offset
    first, last = page.publications[0], page.publications[-1]
    return first.offset == position.offset + 1 and last.offset == page.top.offset


def merge_publications(
    history: Sequence[StoredPublication], live: Iterable[StoredPublication], *, after_offset: int
) -> list[StoredPublication] | None:
    """History and what arrived live while it was read, in order, each offset once.

    Args:
        history: oldest first.
        live: in any order; may overlap with `history`.
        after_offset: everything up to here is dropped.

    Returns:
        Publications from `after_offset` + 1 on without a gap, or None where one is missing.
    """
    by_offset = {publication.offset: publication for publication in (*history, *live)}
    merged = [by_offset[offset] for offset in sorted(by_offset) if offset > after_offset]
    expected = range(after_offset + 1, after_offset + 1 + len(merged))
    if any(publication.offset != offset for publication, offset in zip(merged, expected, strict=True)):
        return None
    return merged

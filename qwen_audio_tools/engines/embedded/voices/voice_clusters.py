"""Groups unit vectors of voices by average linkage on cosine; bounded for any number of vectors.

Knows nothing of time or audio.
"""

import numpy as np
import numpy.typing as npt

THRESHOLD = 0.68
"""Two groups are one voice while the mean cosine between them is at least this."""
MOST_AT_ONCE = 1200
SMALLEST = 2

Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.intp]


def cluster(vectors: Floats, *, threshold: float = THRESHOLD) -> Labels:
    """Return a group number for each unit vector, shape (n,); groups are numbered as they appear.

    Groups of a single vector are given to the nearest larger group. Beyond 1200 vectors, stretches
    of 1200 are grouped first and then their groups: memory stays at 1200 x 1200.
    """
    if not len(vectors):
        return np.zeros(0, np.intp)
    labels = np.zeros(len(vectors), np.intp)
    centres: list[Floats] = []
    weights: list[int] = []
    for at in range(0, len(vectors), MOST_AT_ONCE):
        part = vectors[at : at + MOST_AT_ONCE]
        local = _link(part, np.ones(len(part)), threshold)
        for group in np.unique(local):
            labels[at : at + len(part)][local == group] = len(centres)
            centres.append(np.mean(part[local == group], axis=0))
            weights.append(int((local == group).sum()))
    if len(vectors) > MOST_AT_ONCE:
        labels = _link(np.stack(centres), np.array(weights, np.float64), threshold)[labels]
    return _in_order(_without_strays(vectors, labels))


def similarity(vectors: Floats, labels: Labels) -> npt.NDArray[np.float64]:
    """Return the mean cosine between each two groups, shape (groups, groups)."""
    means = np.stack([vectors[labels == group].mean(axis=0) for group in range(labels.max() + 1)])
    return np.asarray(means.astype(np.float64) @ means.T)


def _link(centres: Floats, weights: npt.NDArray[np.float64], threshold: float) -> Labels:
    """Merge the two most similar groups until none reach `threshold`; return group numbers.

    The mean of vectors keeps average linkage exact: the mean cosine between two groups is the
    product of their means.
    """
    count = len(centres)
    table = np.asarray(centres, np.float32) @ np.asarray(centres, np.float32).T
    np.fill_diagonal(table, -2.0)
    size = weights.astype(np.float64).copy()
    labels = np.arange(count)
    nearest = table.argmax(axis=1)
    best = table[np.arange(count), nearest]
    while True:
        keep = int(best.argmax())
        if best[keep] < threshold:
            return labels
        gone = int(nearest[keep])
        share = np.float32(size[keep] / (size[keep] + size[gone]))
        row = share * table[keep] + (1 - share) * table[gone]
        size[keep] += size[gone]
        row[[keep, gone]] = -2.0
        row[best <= -2.0] = -2.0
        table[keep], table[:, keep] = row, row
        table[gone], table[:, gone] = -2.0, -2.0
        labels[labels == gone] = keep
        best[gone] = -3.0
        stale = np.flatnonzero((nearest == keep) | (nearest == gone) | (row > best))
        stale = stale[best[stale] > -3.0]
        for other in {*stale.tolist(), keep}:
            nearest[other] = table[other].argmax()
            best[other] = table[other, nearest[other]]


def _without_strays(vectors: Floats, labels: Labels) -> Labels:
    names, counts = np.unique(labels, return_counts=True)
    firm = names[counts >= SMALLEST]
    if not len(firm):
        return np.zeros(len(labels), np.intp) if len(labels) < 2 else labels
    if len(firm) == len(names):
        return labels
    means = np.stack([vectors[labels == name].mean(axis=0) for name in firm])
    stray = ~np.isin(labels, firm)
    moved = labels.copy()
    moved[stray] = firm[(vectors[stray] @ means.T).argmax(axis=1)]
    return moved


def _in_order(labels: Labels) -> Labels:
    names, first = np.unique(labels, return_index=True)
    rank = np.empty(len(names), np.intp)
    rank[np.argsort(first)] = np.arange(len(names))
    return np.asarray(rank[np.searchsorted(names, labels)], np.intp)

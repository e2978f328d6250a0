"""One seed in, one named integer seed per stage out; adding a stage never moves another's."""

import hashlib


def derive(seed: int, *names: str | int) -> int:
    """Return a seed in 0..2**31-1 that depends on `seed` and every name, and on nothing else.

    A batch order is `derive(seed, "order", epoch)`: a run resumed at any epoch needs no
    stored generator state.
    """
    text = "/".join([str(seed), *map(str, names)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") & 0x7FFFFFFF

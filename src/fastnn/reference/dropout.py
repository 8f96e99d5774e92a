"""Which units are dropped in an update: the masks of every backend, from the definition.

Words come from Threefry-2x32 of 20 rounds (Salmon, Moraes, Dror and Shaw, 2011, "Parallel random numbers: as easy as 1,
2, 3"), a function of a key and a number. The key of a layer in an update is made from the seed by the number of the
update, then by that of the layer. A row's units fill slots of 16; slots are counted from row to row of the batch. Slot
s takes the numbers 16 (s // 4) to 16 (s // 4) + 15, one a unit, each of which has two words of 32 bits, and of these
the first 16 bits, counted from the lowest, if s % 4 is 0, the second if it is 1, and so on. A unit stays if its 16
bits, as a number, are at least 65536 times the rate.
"""

import numpy as np

ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)
SLOT = 16
#: Rates are multiples of one over this.
PARTS = 65536


def threefry(key, low, high):
    """Return the two words of each number (low + 2**32 high), arrays of uint32, by a key of two words."""
    parts = [np.uint32(key[0]), np.uint32(key[1]), np.uint32(int(key[0]) ^ int(key[1]) ^ 0x1BD11BDA)]
    with np.errstate(over="ignore"):  # sums wrap around
        x, y = low + parts[0], high + parts[1]
        for i in range(5):
            for r in range(4):
                by = ROTATIONS[(4 * i + r) % 8]
                x = x + y
                y = (y << np.uint32(by) | y >> np.uint32(32 - by)) ^ x
            x = x + parts[(i + 1) % 3]
            y = y + parts[(i + 2) % 3] + np.uint32(i + 1)
    return x, y


def _words(number):
    """The low and the high word of a number of 64 bits, as arrays of one."""
    return np.array([number & 0xFFFFFFFF], np.uint32), np.array([number >> 32 & 0xFFFFFFFF], np.uint32)


def _key(key, number):
    low, high = threefry(key, *_words(number))
    return low[0], high[0]


def factors(dropout, update, layer, n_rows, n_units, dtype):
    """Return what the inputs of a layer are multiplied with, (n_rows, n_units): 0, or one over the share that stays.

    Parameters
    ----------
    dropout : fastnn.dropout.Dropout
    update : int
        Made before this one.
    layer : int
        Of weights, counted from 0.
    """
    dropped = dropout.dropped[layer]
    seed = [word[0] for word in _words(dropout.seed)]
    key = _key(_key(seed, update), layer)
    n_slots = n_rows * -(-n_units // SLOT)
    numbers = np.arange(-(-n_slots // 4) * SLOT, dtype=np.uint64)
    low, high = (numbers & np.uint64(0xFFFFFFFF)).astype(np.uint32), (numbers >> np.uint64(32)).astype(np.uint32)
    words = threefry(key, low, high)
    halves = np.stack([half for word in words for half in (word & np.uint32(0xFFFF), word >> np.uint32(16))])
    bits = halves.reshape(4, -1, SLOT).transpose(1, 0, 2).reshape(-1, SLOT)[:n_slots]  # a slot a row
    stays = bits.reshape(n_rows, -1)[:, :n_units] >= dropped
    return np.where(stays, dtype.type(PARTS / (PARTS - dropped)), dtype.type(0))


def factors_of_update(dropout, update, network, n_rows):
    """Return the factors of each layer's inputs, None where none of them is dropped."""
    return [
        factors(dropout, update, layer, n_rows, n_in, network.dtype) if dropout.dropped[layer] else None
        for layer, (n_in, _) in enumerate(network.shapes)
    ]

"""Data beyond memory: pieces, read into one half of a buffer while the network learns from the other."""

from fastnn.pieces.source import Pieces as Pieces

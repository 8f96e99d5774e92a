"""fastnn: small dense neural networks, trained and run on the CPU as fast as the chip allows.

``train`` is the one-line replacement for a tutorial's training loop; ``Network`` is what it returns inside a
``TrainResult``; ``kernels`` has the compiled loops one by one; ``simd`` the choice of the instruction set;
``reference`` has the same mathematics to read.
"""

from fastnn import kernels, reference, simd
from fastnn.network import Network
from fastnn.train import TrainResult, predict, train

__version__ = "0.1.0"
__all__ = ["Network", "TrainResult", "__version__", "kernels", "predict", "reference", "simd", "train"]

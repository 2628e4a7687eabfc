"""Networks of TensorFlow Lite files, run by OpenCV."""

import threading
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray


class TfliteNetwork:
    """A network that any number of threads may run: OpenCV itself keeps one picture's values for all of them."""

    def __init__(self, path: Path) -> None:
        """Read a file.

        Raises:
            FileNotFoundError: there is none.
        """
        if not path.is_file():
            raise FileNotFoundError(2, "No such file", str(path))
        self._network, self._lock = cv2.dnn.readNetFromTFLite(str(path)), threading.Lock()

    def run(self, blob: NDArray, *outputs: str) -> list[NDArray[np.float32]]:
        """Run the network.

        Args:
            blob: float32 input [N, C, H, W].
            outputs: names of layers; none for the last one.

        Returns:
            What each of these layers gives.
        """
        with self._lock:
            self._network.setInput(blob)
            # One output at a time, as OpenCV refuses a list of them. The next run writes into the same memory.
            return [np.array(self._network.forward(name)) for name in outputs or ("",)]

"""Makes the demo's models fit: needs TensorFlow or PyTorch, so it runs as a process of its own.

    python -m benchmarks.convert graph SAVED_MODEL OUT.pb     a SavedModel as one frozen graph
    python -m benchmarks.convert vad SILERO.jit OUT.pt        the voice detector as a module without memory

The graph's placeholder is named `audio`, its outputs as the SavedModel's signature names them.
"""

from __future__ import annotations

import os
import sys
import warnings
from typing import Any

TAG, SIGNATURE = "serve", "serving_default"


def graph(source: str, target: str) -> None:
    """Variables become constants, functions are inlined."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf
    from tensorflow.python.framework import convert_to_constants as constants

    tf.get_logger().setLevel("ERROR")
    v1 = tf.compat.v1
    with v1.Session(graph=tf.Graph()) as session:
        signature = v1.saved_model.load(session, [TAG], source).signature_def[SIGNATURE]
        (given,) = signature.inputs.values()
        outputs = {name: info.name for name, info in signature.outputs.items()}
        nodes = [name.partition(":")[0] for name in outputs.values()]
        frozen = constants.convert_variables_to_constants_from_session_graph(
            session, session.graph.as_graph_def(), nodes
        )

    def renamed(audio: Any) -> list[Any]:
        found = tf.graph_util.import_graph_def(
            frozen, input_map={given.name: audio}, return_elements=list(outputs.values()), name=""
        )
        return [tf.identity(tensor, name=name) for name, tensor in zip(outputs, found, strict=True)]

    shape = [None if dim.size < 0 else dim.size for dim in given.tensor_shape.dim]
    function = v1.wrap_function(renamed, [tf.TensorSpec(shape, tf.float32, name="audio")])
    inlined = constants.convert_variables_to_constants_v2(function, aggressive_inlining=True)
    with open(target, "wb") as file:
        file.write(inlined.graph.as_graph_def().SerializeToString())


def vad(source: str, target: str) -> None:
    """`forward(x)`: [1, 512] samples at 16 kHz to the probability of speech, as the first window of a recording."""
    import torch

    class Window(torch.nn.Module):
        def __init__(self, model: Any) -> None:
            super().__init__()
            self.model = model

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.model.reset_states()
            return self.model(x, 16000)

    torch.jit.save(torch.jit.script(Window(torch.jit.load(source).eval())), target)


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        {"graph": graph, "vad": vad}[sys.argv[1]](sys.argv[2], sys.argv[3])

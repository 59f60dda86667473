"""TorchScript models: types, state, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from pyredisai.ai.dtype import BFLOAT16
from pyredisai.ai.model import ModelOptions
from pyredisai.ai.tensor import Tensor
from pyredisai.ai.values import parse_values
from pyredisai.backends.base import BackendSettings
from pyredisai.errors import BackendError
from tests.support.torchscript import module
from tests.unit.backends.support import floats, needs, values

needs("torch")

from pyredisai.backends import torch as torch_backend  # noqa: E402

NONE = ModelOptions()


@pytest.fixture(scope="module")
def backend() -> torch_backend.TorchBackend:
    return torch_backend.load(BackendSettings(), None)


def test_names_and_a_run(backend):
    session = backend.open_model(memoryview(module("def forward(self, a, b):\n  return a + b, a")), "CPU", NONE)
    assert (session.input_names, session.output_names) == (("a", "b"), ("", ""))
    total, first = session.run([floats(2), floats(2)])
    assert values(total) == [0, 2]
    assert values(first) == [0, 1]


@pytest.mark.parametrize("dtype", ["f4", "f8", "f2", "i1", "i2", "i4", "i8", "u1", "u4", "u8", "?"])
def test_every_number_type_passes(backend, dtype):
    tensor = Tensor.from_array(np.array([0, 1], dtype))
    (output,) = backend.open_model(module("def forward(self, x):\n  return x"), "CPU", NONE).run([tensor])
    assert output is not None
    assert output.dtype is tensor.dtype
    assert output.blob == tensor.blob


def test_types_that_it_lacks(backend):
    session = backend.open_model(module("def forward(self, x):\n  return x"), "CPU", NONE)
    with pytest.raises(BackendError, match=r"^Unsupported kUInt bits 16$"):
        session.run([floats(1, dtype=np.uint16)])


@pytest.mark.parametrize("source", ["x.add_(1)", "x.zero_()", "x[0] = 5"])
def test_a_stored_tensor_never_changes(backend, source):
    session = backend.open_model(module(f"def forward(self, x):\n  {source}\n  return x"), "CPU", NONE)
    tensor = floats(2)
    (output,) = session.run([tensor])
    assert values(output) != [0, 1]
    assert values(tensor) == [0, 1]


def test_an_output_that_is_the_modules_state_does_not_change_later(backend):
    import torch

    source = "def forward(self, x):\n  self.total.add_(x)\n  return self.total"
    session = backend.open_model(module(source, total=torch.zeros(2)), "CPU", NONE)
    (first,) = session.run([floats(2)])
    (second,) = session.run([floats(2)])
    assert values(first) == [0, 1]
    assert values(second) == [0, 2]


def test_a_list_has_a_number_of_outputs_that_only_a_run_knows(backend):
    source = "def forward(self, x):\n  y = [x, x]\n  return y"
    session = backend.open_model(module(source), "CPU", NONE)
    assert session.output_names == ()
    assert len(session.run([floats(2)])) == 2


def test_values_that_are_no_tensors(backend):
    session = backend.open_model(module("def forward(self, x):\n  return x, 1"), "CPU", NONE)
    with pytest.raises(BackendError, match="non-tensor values"):
        session.run([floats(2)])


@pytest.mark.parametrize("blob", [b"", b"garbage", b"PK\x03\x04" + bytes(50)])
def test_what_is_no_model(backend, blob):
    with pytest.raises(BackendError) as caught:
        backend.open_model(blob, "CPU", NONE)
    assert "\n" not in str(caught.value)


def test_a_module_without_forward(backend):
    with pytest.raises(BackendError):
        backend.open_model(module("def other(self, x):\n  return x"), "CPU", NONE)


def test_a_model_that_reads_files_is_refused(backend):
    source = "def forward(self, x):\n  return torch.from_file('secret', False, 4)"
    with pytest.raises(BackendError, match="from_file is refused"):
        backend.open_model(module(source), "CPU", NONE)


@pytest.mark.parametrize("method", ["forward", "__setstate__"])
def test_a_model_that_writes_files_is_refused(backend, tmp_path, monkeypatch, method):
    """Before it is loaded: loading calls __setstate__."""
    monkeypatch.chdir(tmp_path)
    source = "def forward(self, x):\n  torch.save(x, 'written')\n  return x"
    if method != "forward":
        source = (
            "def forward(self, x):\n  return x\n"
            "def __getstate__(self):\n  return torch.zeros([1])\n"
            "def __setstate__(self, state: Tensor):\n  torch.save(state, 'written')\n"
        )
    with pytest.raises(BackendError, match="save is refused"):
        backend.open_model(module(source), "CPU", NONE)
    assert not list(tmp_path.iterdir())


def test_no_gpu(backend, monkeypatch):
    blob = module("def forward(self, x):\n  return x")
    monkeypatch.setattr(backend._torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(backend._torch.cuda, "device_count", lambda: 2)
    assert [backend.has_device(d) for d in ("CPU", "CPU:1", "GPU", "GPU:1", "GPU:2", "")] == [True] * 4 + [False] * 2
    with pytest.raises(BackendError, match=r"^GPU requested but Torch couldn't find CUDA$"):
        backend.open_model(blob, "GPU:2", NONE)


@pytest.mark.parametrize(
    ("source", "shareable"),
    [
        ("return x + self.kept", True),
        ("y = x + self.kept\n  y.relu_()\n  return y", True),
        ("self.kept = self.kept + x\n  return self.kept", False),
        ("self.kept.add_(x)\n  return x", False),
        ("self.kept[0].add_(1)\n  return x", False),
        ("y = self.kept\n  if bool(x[0] > 0):\n    y = x + 1\n  y.add_(1)\n  return y", False),
        ("if bool(x[0] > 0):\n    self.kept = x\n  return x", False),
    ],
)
def test_only_a_model_without_state_is_shared(backend, source, shareable):
    import torch

    blob = module(f"def forward(self, x):\n  {source}", kept=torch.zeros(2))
    session = backend.open_model(blob, "CPU", NONE)
    assert session.shareable is shareable
    session.run([floats(2)])


def test_a_result_that_no_array_can_be_made_of(backend):
    session = backend.open_model(module("def forward(self, x):\n  return x.to_sparse()"), "CPU", NONE)
    with pytest.raises(BackendError, match="memory format"):
        session.run([floats(2, 2)])


def test_bfloat16_computes_and_stays_as_it_was(backend):
    tensor = Tensor(BFLOAT16, (2,), blob=parse_values(BFLOAT16, [b"1.5", b"-3"]))
    (output,) = backend.open_model(module("def forward(self, x):\n  return x * 2"), "CPU", NONE).run([tensor])
    assert output is not None
    assert (output.dtype, output.shape, output.values()) == (BFLOAT16, (2,), [3.0, -6.0])
    (output,) = backend.open_model(module("def forward(self, x):\n  x.add_(1)\n  return x.half()"), "CPU", NONE).run(
        [tensor]
    )
    assert output is not None
    assert (output.dtype.name, output.values()) == ("FLOAT16", [2.5, -2.0])
    assert tensor.values() == [1.5, -3.0]


def test_a_part_of_a_result_does_not_keep_all_of_it(backend):
    import torch

    from pyredisai.backends.torch_tensors import from_torch

    large = torch.arange(1_000_000.0)
    part, most = from_torch(large[:20_000], copy=False), from_torch(large[:900_000], copy=False)
    assert part.array[-1] == 19_999
    assert not np.shares_memory(part.array, large.numpy())
    assert np.shares_memory(most.array, large.numpy())

"""Drives every method of redisai-py's API: `python redisai_py.py PORT MODELS BACKEND…`; prints the methods it called.

Runs in a virtual environment of its own, as redisai-py needs an old redis-py and numpy: it imports nothing of ours.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
import redis
import redisai

warnings.simplefilter("ignore", DeprecationWarning)  # it marks half of its own API so

SCRIPT = """
def total(tensors: List[Tensor], keys: List[str], args: List[str]):
    return tensors[0] + tensors[1]

def put(tensors: List[Tensor], keys: List[str], args: List[str]):
    redis.execute("SET", keys[0], args[0])
    return tensors[0]
"""
OLD_SCRIPT = """
def total(a, b):
    return a + b
"""
BROKEN_SCRIPT = """
def f(tensors: List[Tensor], keys: List[str], args: List[str]):
    return nothing
"""
PAIR = np.array([2.0, 3.0], "f4")
called: set[str] = set()


def count(cls: type, prefix: str) -> None:
    """Note each call of the class's own public methods."""
    for name, method in list(vars(cls).items()):
        if name.startswith("_") or not callable(method):
            continue

        def noted(*args, _name=f"{prefix}.{name}", _method=method, **kwargs):
            called.add(_name)
            return _method(*args, **kwargs)

        setattr(cls, name, noted)


def equal(got: object, want: object) -> None:
    if isinstance(want, np.ndarray):
        assert isinstance(got, np.ndarray), got
        assert got.dtype == want.dtype, (got.dtype, want.dtype)
        assert got.shape == want.shape, (got.shape, want.shape)
        assert np.array_equal(got, want), (got, want)
    else:
        assert got == want, (got, want)


def fails(text: str, function, *args, **kwargs) -> None:
    try:
        function(*args, **kwargs)
    except redis.ResponseError as error:
        got = str(error)
    else:
        got = "no error"
    if text not in got:
        raise AssertionError(f"{got!r} in place of {text!r}")


def tensors(con: redisai.Client) -> None:
    for dtype in ("f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2"):
        array = np.arange(6).reshape(2, 3).astype(dtype)
        equal(con.tensorset("t", array), "OK")
        equal(con.tensorget("t"), array)
    flags = np.array([[True, False], [False, True]])
    equal(con.tensorset("b", flags), "OK")
    equal(con.tensorget("b"), flags)
    equal(con.tensorget("b", as_numpy=False)["values"], [1, 0, 0, 1])
    texts = np.array(["one", "", "drei äß"])
    equal(con.tensorset("s", texts), "OK")
    equal(list(con.tensorget("s")), list(texts))
    equal(con.tensorget("s", as_numpy=False)["values"], list(texts))
    equal(con.tensorset("v", [1, 2, 3, 4], shape=(2, 2), dtype="float"), "OK")
    equal(con.tensorget("v", as_numpy=False), {"dtype": "FLOAT", "shape": [2, 2], "values": [1.0, 2.0, 3.0, 4.0]})
    equal(con.tensorget("v", meta_only=True), {"dtype": "FLOAT", "shape": [2, 2]})
    equal(con.tensorset("v", (5, 6), dtype="int16"), "OK")
    equal(con.tensorget("v"), np.array([5, 6], "i2"))
    fails("tensor key is empty", con.tensorget, "none")
    fails("wrong number of values", con.tensorset, "v", [1, 2, 3], shape=(2, 2), dtype="float")
    big = np.random.default_rng(0).random((600, 700), "f4")
    equal(con.tensorset("big", big), "OK")
    equal(con.tensorget("big"), big)


def pipelines(con: redisai.Client) -> None:
    for transaction in (False, True):
        pipe = con.pipeline(transaction=transaction)
        pipe = pipe.set("native", 1)
        pipe = pipe.tensorset("p", np.array([1.5, 2.5]))
        pipe = pipe.tensorset("q", [2, 3], dtype="float")
        pipe = pipe.tensorget("p")
        pipe = pipe.tensorget("q", as_numpy=False)
        pipe = pipe.tensorget("q", meta_only=True)
        results = pipe.execute()
        equal(results[:3], [True, b"OK", b"OK"])
        equal(results[3], np.array([1.5, 2.5]))
        equal(results[4], {"dtype": "FLOAT", "shape": [2], "values": [2.0, 3.0]})
        equal(results[5], {"dtype": "FLOAT", "shape": [2]})


def config(con: redisai.Client) -> None:
    size = con.config("MODEL_CHUNK_SIZE")
    equal(size, 511 * 1024 * 1024)
    equal(con.config("MODEL_CHUNK_SIZE", 100), "OK")
    equal(con.config("MODEL_CHUNK_SIZE"), 100)
    equal(con.config("NO_SUCH_OPTION"), None)
    path = con.config("BACKENDSPATH")
    equal(con.config("BACKENDSPATH", "/no/backends"), "OK")
    equal(con.config("BACKENDSPATH"), "/no/backends")
    equal(con.config("BACKENDSPATH", path), "OK")
    fails("error loading backend", con.loadbackend, "TORCH", "no_such_backend.so")
    fails("unsupported", con.config, "WRONG", 1)


def model(con: redisai.Client, backend: str, folder: Path) -> None:
    file, names, shapes = MODELS[backend]
    data = (folder / file).read_bytes()
    key = f"model-{backend}"
    fails(REFUSED[backend], con.modelstore, key, backend, "cpu", b"no model", **names)
    # the chunk size is still 100: the blob goes in pieces and comes back in pieces
    equal(con.modelstore(key, backend, "cpu", data, batch=4, minbatch=1, minbatchtimeout=5, tag="v1", **names), "OK")
    got = con.modelget(key)
    equal(b"".join(got["blob"]), data)
    equal(con.config("MODEL_CHUNK_SIZE", 511 * 1024 * 1024), "OK")
    equal(con.modelget(key)["blob"], data)
    meta = con.modelget(key, meta_only=True)
    equal((meta["backend"], meta["device"], meta["tag"]), (backend, "cpu", "v1"))
    equal((meta["batchsize"], meta["minbatchsize"], meta["minbatchtimeout"]), (4, 1, 5))
    equal(con.modelstore(key, backend.lower(), "CPU", data, tag="v2", **names), "OK")
    assert [key, "v2"] in con.modelscan()
    inputs, outputs = [], [f"out{i}" for i in range(len(con.modelget(key, meta_only=True)["outputs"]))]
    for i, shape in enumerate(shapes):
        equal(con.tensorset(f"in{i}", np.ones(shape, "f4")), "OK")
        inputs.append(f"in{i}")
    equal(con.modelexecute(key, inputs, outputs), "OK")
    first = con.tensorget("out0")
    equal(con.modelexecute(key, inputs, outputs, timeout=10_000), "OK")
    fails("Number of keys given as INPUTS", con.modelexecute, key, [*inputs, "in0"], outputs)
    info = con.infoget(key)
    equal((info["key"], info["type"], info["backend"], info["calls"], info["errors"]), (key, "MODEL", backend, 2, 0))
    equal(con.inforeset(key), "OK")
    equal(con.infoget(key)["calls"], 0)
    old = f"old-{backend}"
    batch = {} if backend == "TFLITE" else {"batch": 2, "minbatch": 1}
    equal(con.modelset(old, backend, "CPU", data, tag="old", **batch, **names), "OK")
    con.delete("out0")
    equal(con.modelrun(old, inputs, outputs), "OK")
    equal(con.tensorget("out0"), first)
    dags(con, key, old, inputs, outputs, first)
    equal(con.modeldel(old), "OK")
    fails("model key is empty", con.modelget, old)


def dags(con: redisai.Client, key: str, old: str, inputs: list, outputs: list, want: np.ndarray) -> None:
    dag = con.dag(load=inputs, persist=outputs[0])
    got = dag.modelexecute(key, inputs, outputs).tensorget(outputs[0]).execute()
    equal(got[0], "OK")
    equal(got[1], want)
    equal(con.tensorget(outputs[0]), want)
    dag = con.dag(load=inputs, routing=inputs[0], timeout=10_000, readonly=True)
    got = dag.modelrun(key, inputs, outputs).tensorget(outputs[0]).run()
    equal(got[1], want)
    for readonly in (False, True):
        dag = con.dag(readonly=readonly)
        for name in inputs:
            dag.tensorset(name, con.tensorget(name))
        equal(dag.modelrun(old, inputs, outputs).tensorget(outputs[0], as_numpy_mutable=False).run()[-1], want)


def scripts(con: redisai.Client) -> None:
    fails("undefined value nothing", con.scriptstore, "broken", "cpu", BROKEN_SCRIPT, "f")
    equal(con.scriptstore("script", "cpu", SCRIPT, ["total", "put"], tag="s1"), "OK")
    got = con.scriptget("script")
    equal((got["device"], got["tag"], got["source"]), ("cpu", "s1", SCRIPT))
    assert "source" not in con.scriptget("script", meta_only=True)
    assert ["script", "s1"] in con.scriptscan()
    con.tensorset("a", PAIR)
    equal(con.scriptexecute("script", "total", inputs=["a", "a"], outputs=["sum"]), "OK")
    equal(con.tensorget("sum"), PAIR * 2)
    done = con.scriptexecute("script", "put", keys="k", inputs="a", args="x", outputs="same", timeout=10_000)
    equal(done, "OK")
    equal(con.get("k"), b"x")
    dag = con.dag(load="a", persist="sum")
    dag.tensorset("b", PAIR).scriptexecute("script", "total", inputs=["a", "b"], outputs="sum")
    got = dag.tensorget("sum").execute()
    equal(got[2], PAIR * 2)
    equal(con.scriptset("old", "CPU", OLD_SCRIPT, tag="o"), "OK")
    equal(con.scriptrun("old", "total", ["a", "a"], ["sum2"]), "OK")
    equal(con.tensorget("sum2"), PAIR * 2)
    equal(con.infoget("script")["type"], "SCRIPT")
    equal(con.scriptdel("old"), "OK")
    fails("script key is empty", con.scriptget, "old")


REFUSED = {
    "ONNX": "protobuf parsing failed",
    "TORCH": "not a ZIP archive",
    "TF": "Invalid GraphDef",
    "TFLITE": "Failed to load model",
}
# file, names that TF needs, the inputs' shapes
MODELS = {
    "ONNX": ("mul_1.onnx", {}, [(3, 2)]),
    "TORCH": ("pt-minimal.pt", {}, [(2, 2), (2, 2)]),
    "TF": ("graph.pb", {"inputs": ["a", "b"], "outputs": "mul"}, [(2, 2), (2, 2)]),
    "TFLITE": ("mnist_model_quant.tflite", {}, [(1, 28, 28, 1)]),
}


def main() -> None:
    port, folder, backends = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
    for cls, prefix in ((redisai.Client, "Client"), (redisai.dag.Dag, "Dag"), (redisai.pipeline.Pipeline, "Pipeline")):
        count(cls, prefix)
    con = redisai.Client(port=port)
    tensors(con)
    pipelines(con)
    for backend in backends:
        config(con)
        model(con, backend, folder)
    if "TORCH" in backends:
        scripts(con)
    raw = redisai.Client(port=port, enable_postprocess=False, debug=True)
    equal(raw.tensorset("t", PAIR), b"OK")
    print("called", *sorted(called))


if __name__ == "__main__":
    main()

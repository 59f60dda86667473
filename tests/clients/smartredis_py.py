"""Drives SmartRedis' client against a server, or with several addresses a cluster.

`SSDB=HOST:PORT[,HOST:PORT…] python smartredis_py.py MODELS BACKEND…`. Runs in a virtual environment of its own and
imports nothing of ours.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
from smartredis import Client, Dataset
from smartredis.error import RedisReplyError

SCRIPT = """def total(a, b):
    return a + b
"""
DTYPES = ("f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2")
STEPS = []
ADDRESSES = os.environ["SSDB"].split(",")


def step(function):
    """One part of the API, run in the order of this file."""
    STEPS.append(function)
    return function


def fails(function, *args) -> None:
    try:
        function(*args)
    except RedisReplyError:
        return
    raise AssertionError("no error")


@step
def tensors(client: Client) -> None:
    for dtype in DTYPES:
        array = np.arange(24).reshape(2, 3, 4).astype(dtype)
        client.put_tensor("t", array)
        got = client.get_tensor("t")
        assert got.dtype == array.dtype
        assert np.array_equal(got, array)
    client.copy_tensor("t", "copy")
    client.rename_tensor("t", "renamed")
    assert not client.tensor_exists("t")
    assert client.tensor_exists("copy")
    assert client.key_exists("renamed")
    assert np.array_equal(client.get_tensor("copy"), client.get_tensor("renamed"))
    assert client.poll_tensor("copy", 10, 5)
    assert not client.poll_key("t", 10, 2)
    client.delete_tensor("copy")
    fails(client.get_tensor, "copy")


def sample(name: str) -> Dataset:
    dataset = Dataset(name)
    dataset.add_tensor("one", np.arange(6, dtype="f4").reshape(2, 3))
    dataset.add_tensor("two", np.arange(4, dtype="i8"))
    for value in (1.5, 2.5):
        dataset.add_meta_scalar("scalars", value)
    dataset.add_meta_string("strings", "text")
    return dataset


def check(dataset: Dataset) -> None:
    assert sorted(dataset.get_tensor_names()) == ["one", "two"]
    assert np.array_equal(dataset.get_tensor("one"), np.arange(6, dtype="f4").reshape(2, 3))
    assert dataset.get_meta_scalars("scalars").tolist() == [1.5, 2.5]
    assert dataset.get_meta_strings("strings") == ["text"]


@step
def datasets(client: Client) -> None:
    client.put_dataset(sample("d"))
    client.put_dataset(sample("d"))  # again: its first act is to delete the old one
    assert client.dataset_exists("d")
    assert client.poll_dataset("d", 10, 5)
    check(client.get_dataset("d"))
    client.copy_dataset("d", "e")
    client.rename_dataset("e", "f")
    check(client.get_dataset("f"))
    client.delete_dataset("f")
    assert not client.dataset_exists("f")


@step
def lists(client: Client) -> None:
    for name in ("x", "y", "z"):
        dataset = sample(name)
        client.put_dataset(dataset)
        client.append_to_list("list", dataset)
    assert client.get_list_length("list") == 3
    assert client.poll_list_length("list", 3, 10, 5)
    assert client.poll_list_length_gte("list", 2, 10, 5)
    assert client.poll_list_length_lte("list", 4, 10, 5)
    client.copy_list("list", "copied")
    client.rename_list("copied", "moved")
    for dataset in client.get_datasets_from_list("moved"):
        check(dataset)
    assert len(client.get_dataset_list_range("list", 0, 1)) == 2
    client.delete_list("list")


@step
def server(client: Client) -> None:
    address = ADDRESSES[0]
    client.set_model_chunk_size(100_000)
    client.set_model_chunk_size(400 << 20)  # it joins the chunks of a bigger model at wrong offsets
    info = client.get_db_node_info([address])[0]
    assert info["Server"]["tcp_port"] == address.rpartition(":")[2]
    if len(ADDRESSES) > 1:
        assert client.get_db_cluster_info([address])[0]["cluster_state"] == "ok"
    else:
        fails(client.get_db_cluster_info, [address])
    assert client.config_get("maxclients", address) == {"maxclients": "10000"}
    assert client.config_get("no-such-option", address) == {}
    client.config_set("lua-time-limit", "6000", address)
    assert client.config_get("lua-time-limit", address) == {"lua-time-limit": "6000"}
    fails(client.config_set, "no-such-option", "1", address)


@step
def models(client: Client) -> None:
    folder, backends = Path(sys.argv[1]), sys.argv[2:]
    for backend in backends:
        file, names, shapes = MODELS[backend]
        data = (folder / file).read_bytes()
        client.set_model("m", data, backend, "CPU", batch_size=0, tag="v1", **names)
        assert client.model_exists("m")
        assert client.poll_model("m", 10, 5)
        assert client.get_model("m") == data
        for i, shape in enumerate(shapes):
            client.put_tensor(f"in{i}", np.ones(shape, "f4"))
        outputs = [f"out{i}" for i in range(2 if backend == "TFLITE" else 1)]
        client.run_model("m", [f"in{i}" for i in range(len(shapes))], outputs)
        assert client.tensor_exists("out0")
        runs = [int(info["calls"]) for info in client.get_ai_info(ADDRESSES, "m")]
        assert sum(runs) >= 1  # it sends a run again when an answer is late
        client.delete_model("m")
        assert not client.model_exists("m")
        if backend == "TORCH":
            scripts(client)


def scripts(client: Client) -> None:
    client.set_script("s", SCRIPT, "CPU")
    assert client.model_exists("s")
    assert client.get_script("s") == SCRIPT
    client.run_script("s", "total", ["in0", "in0"], ["sum"])
    assert np.array_equal(client.get_tensor("sum"), client.get_tensor("in0") * 2)
    client.delete_script("s")
    fails(client.get_script, "s")


@step
def end(client: Client) -> None:
    client.flush_db(ADDRESSES)
    assert not client.key_exists("renamed")


# file, names that TF needs, the inputs' shapes
MODELS = {
    "ONNX": ("mul_1.onnx", {}, [(3, 2)]),
    "TORCH": ("pt-minimal.pt", {}, [(2, 2), (2, 2)]),
    "TF": ("graph.pb", {"inputs": ["a", "b"], "outputs": ["mul"]}, [(2, 2), (2, 2)]),
    "TFLITE": ("mnist_model_quant.tflite", {}, [(1, 28, 28, 1)]),
}

if __name__ == "__main__":
    client = Client(len(ADDRESSES) > 1, os.environ["SSDB"], "driver")
    for function in STEPS:
        function(client)
        print("done", function.__name__)

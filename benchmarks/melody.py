"""The demo's second act: one model on several backends, joined with a TorchScript step by one AI.DAGEXECUTE.

basic-pitch hears which notes are played: float32 [N, 43844, 1], about two seconds at 22050 Hz, to the probabilities of
the 88 keys of a piano in 172 frames. Its package ships the model for ONNX, TFLite and as a SavedModel, which is frozen
here. silero-vad tells speech from noise; its package ships it as TorchScript and ONNX. A backend whose framework is
missing is named and left out.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.support.paths import ROOT
from tests.support.resp import ErrorReply, RespClient

Floats = npt.NDArray[np.float32]
FRAMEWORKS = {
    "ONNX": ("onnxruntime",),
    "TFLITE": ("ai_edge_litert", "tflite_runtime"),
    "TF": ("tensorflow",),
    "TORCH": ("torch",),
}
RATE, SAMPLES, LOWEST_KEY = 22_050, 43_844, 21
TUNE = (57, 61, 64, 69)  # MIDI numbers: an A major chord, note by note
NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
INPUT, OUTPUTS = "audio", ("onset", "note", "contour")
PREPARE = """
def prepare(tensors: List[Tensor], keys: List[str], args: List[str]):
    samples = tensors[0].float() / 32768.0
    room = int(args[0])
    padded = torch.zeros([room])
    length = min(room, samples.size(0))
    padded[:length] = samples[:length]
    return padded.reshape([1, room, 1])
"""
TOLERANCE = 1e-4


class ActError(Exception):
    """The act cannot go on; the text says why."""


def ask(client: RespClient, *args: Any) -> Any:
    """One command; no reply in it may be an error."""
    reply = client(*args)
    for each in reply if isinstance(reply, list) else [reply]:
        if isinstance(each, ErrorReply):
            raise ActError(f"{args[0]} answered: {each.text}")
    return reply


def here() -> list[str]:
    """The backends whose framework is installed."""
    return [name for name, packages in FRAMEWORKS.items() if any(map(importlib.util.find_spec, packages))]


def available(package: Path) -> bool:
    """Whether both packages are in the folder."""
    return all((package / name).is_dir() for name in ("basic_pitch", "silero_vad"))


def tune() -> bytes:
    """Two seconds of plucked tones: 16-bit samples, as a sound card gives them."""
    length = SAMPLES // len(TUNE)
    moment = np.arange(length) / RATE
    tones = []
    for number in TUNE:
        pitch = 440.0 * 2 ** ((number - 69) / 12)
        overtones = (np.sin(2 * np.pi * pitch * n * moment) / n**2 for n in range(1, 6))
        tones.append(sum(overtones) * np.exp(-3 * moment) * np.minimum(1, moment * 200))
    return (np.concatenate(tones) * 16_000).astype("<i2").tobytes()


def heard(notes: Floats) -> list[int]:
    """The loudest key (MIDI number) of each part of the tune; `notes` is [frames, 88]."""
    parts = np.array_split(notes, len(TUNE))
    return [LOWEST_KEY + int(part[2:].mean(axis=0).argmax()) for part in parts]


def name_of(number: int) -> str:
    """A MIDI number as a musician writes it."""
    return f"{NAMES[number % 12]}{number // 12 - 1}"


def convert(kind: str, source: Path, target: Path) -> bytes:
    """Make a model fit with the framework that it is from."""
    command = [sys.executable, "-m", "benchmarks.convert", kind, str(source), str(target)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise ActError(f"{source.name} cannot be converted: {done.stderr.strip().splitlines()[-1:]}")
    return target.read_bytes()


def store_pitch(client: RespClient, package: Path, folder: Path, backends: list[str]) -> list[str]:
    """Store basic-pitch for each backend that it has; the keys."""
    (model,) = package.glob("basic_pitch/saved_models/*/nmp.onnx")
    keys = []
    for backend in backends:
        names: list[Any] = []
        if backend == "TORCH":
            continue
        if backend == "TF":
            blob = convert("graph", model.with_suffix(""), folder / "pitch.pb")
            names = ["INPUTS", 1, INPUT, "OUTPUTS", len(OUTPUTS), *OUTPUTS]
        else:
            blob = model.with_suffix(f".{backend.lower()}").read_bytes()
        start = time.perf_counter()
        ask(client, "AI.MODELSTORE", f"pitch:{backend}", backend, "CPU", *names, "WARMUP", 1, "BLOB", blob)
        took = time.perf_counter() - start
        print(f"model:  basic-pitch on {backend:<7} {len(blob) / 1e6:4.1f} MB, stored and warmed up in {took:.2f} s")
        keys.append(f"pitch:{backend}")
    return keys


def transcribe(client: RespClient, keys: list[str], *, script: bool) -> None:
    """Samples in, notes out: one AI.DAGEXECUTE for all backends. Raises ActError when they differ."""
    samples = tune()
    steps: list[Any] = ["AI.DAGEXECUTE", "ROUTING", keys[0]]
    count = len(samples) // 2
    if script:
        steps += ["|>", "AI.TENSORSET", "samples", "INT16", count, "BLOB", samples]
        steps += ["|>", "AI.SCRIPTEXECUTE", "sound", "prepare", "INPUTS", 1, "samples", "ARGS", 1, SAMPLES]
        steps += ["OUTPUTS", 1, INPUT]
    else:
        padded = np.zeros(SAMPLES, "f4")
        padded[:count] = np.frombuffer(samples, "<i2").astype("f4") / 32768
        steps += ["|>", "AI.TENSORSET", INPUT, "FLOAT", 1, SAMPLES, 1, "BLOB", padded.tobytes()]
    for key in keys:
        steps += ["|>", "AI.MODELEXECUTE", key, "INPUTS", 1, INPUT, "OUTPUTS", len(OUTPUTS)]
        steps += [f"{key}:{name}" for name in OUTPUTS]
    for key in keys:
        steps += ["|>", "AI.TENSORGET", f"{key}:note", "BLOB"]
    start = time.perf_counter()
    replies = ask(client, *steps)
    took = time.perf_counter() - start
    notes = [np.frombuffer(reply, "<f4").reshape(-1, 88) for reply in replies[-len(keys) :]]
    print(f"DAG:    {steps.count('|>')} steps in one call of {took * 1e3:.0f} ms")
    print(f"played: {' '.join(map(name_of, TUNE))}")
    for key, each in zip(keys, notes, strict=True):
        apart = f", at most {np.abs(each - notes[0]).max():.0e} from {keys[0]}" if each is not notes[0] else ""
        print(f"heard:  {' '.join(map(name_of, heard(each)))}  by {key}{apart}")
        if heard(each) != list(TUNE):
            raise ActError(f"{key} hears other notes than were played")
    _must_agree(keys, notes)


def detect(client: RespClient, package: Path, folder: Path) -> None:
    """silero-vad on TORCH and on ONNX: the same window, the same probability."""
    data = package / "silero_vad" / "data"
    blobs = {"TORCH": convert("vad", data / "silero_vad.jit", folder / "vad.pt")}
    blobs["ONNX"] = (data / "silero_vad.onnx").read_bytes()
    for backend, blob in blobs.items():
        ask(client, "AI.MODELSTORE", f"speech:{backend}", backend, "CPU", "BLOB", blob)
    window = np.frombuffer(tune(), "<i2")[2000:2512].astype("f4") / 32768
    silence = np.zeros(64, "f4")  # the ONNX form is given what was before, and its memory
    replies = ask(
        client, "AI.DAGEXECUTE", "ROUTING", "speech:ONNX",
        "|>", "AI.TENSORSET", "window", "FLOAT", 1, 512, "BLOB", window.tobytes(),
        "|>", "AI.TENSORSET", "longer", "FLOAT", 1, 576, "BLOB", np.concatenate([silence, window]).tobytes(),
        "|>", "AI.TENSORSET", "memory", "FLOAT", 2, 1, 128,
        "|>", "AI.TENSORSET", "rate", "INT64", "VALUES", 16000,
        "|>", "AI.MODELEXECUTE", "speech:TORCH", "INPUTS", 1, "window", "OUTPUTS", 1, "a",
        "|>", "AI.MODELEXECUTE", "speech:ONNX", "INPUTS", 3, "longer", "memory", "rate", "OUTPUTS", 2, "b", "new",
        "|>", "AI.TENSORGET", "a", "BLOB", "|>", "AI.TENSORGET", "b", "BLOB",
    )  # fmt: skip
    found = [np.frombuffer(reply, "<f4") for reply in replies[-2:]]
    print(f"speech: silero-vad says {found[0][0]:.4f} on TORCH, {found[1][0]:.4f} on ONNX for this sound")
    _must_agree(["speech:TORCH", "speech:ONNX"], found)


def _must_agree(keys: list[str], outputs: list[Floats]) -> None:
    for key, output in zip(keys, outputs, strict=True):
        if np.abs(output - outputs[0]).max() > TOLERANCE:
            raise ActError(f"{key} and {keys[0]} differ")


def perform(client: RespClient, package: Path, folder: Path) -> None:
    """The act, with the backends that are here. Raises ActError."""
    backends = here()
    print("\nSecond act: what notes are these? One model on several backends.")
    for missing in (name for name in FRAMEWORKS if name not in backends):
        print(f"(no {missing} here, so it is left out: pip install 'pyredisai[{missing.lower()}]')")
    if "TORCH" in backends:
        ask(client, "AI.SCRIPTSTORE", "sound", "CPU", "ENTRY_POINTS", 1, "prepare", "SOURCE", PREPARE)
        print("script: PCM samples to the model's input, in TorchScript")
    transcribe(client, store_pitch(client, package, folder, backends), script="TORCH" in backends)
    if "TORCH" in backends:
        detect(client, package, folder)

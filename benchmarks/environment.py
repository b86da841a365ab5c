"""What a measurement was made on: device, versions, commit."""

import datetime
import importlib.metadata
import pathlib
import platform
import re
import subprocess

import torch

ROOT = pathlib.Path(__file__).resolve().parent.parent
PACKAGES = ("torch", "torchvision", "triton", "torchao", "nncf", "nvidia-modelopt", "brevitas")


def cpu_name() -> str:
    """The processor's model as the kernel knows it."""
    try:
        found = re.search(r"model name\s*:\s*(.+)", pathlib.Path("/proc/cpuinfo").read_text())
    except OSError:
        found = None
    return found[1].strip() if found else platform.processor() or platform.machine()


def device_name(device: str) -> str:
    """The name of the GPU, or of the processor."""
    return torch.cuda.get_device_name() if device == "cuda" else cpu_name()


def slug(name: str) -> str:
    """A name as a file or folder is called: 'NVIDIA H100 80GB' -> 'nvidia-h100-80gb'."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def versions() -> dict[str, str]:
    """The installed versions of what is compared; a package that is not installed is left out."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    if torch.version.cuda:
        found["cuda"] = torch.version.cuda
    return found


def commit() -> str:
    """The checkout's commit, with '-dirty' where it was changed since; 'unknown' outside one."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    result = subprocess.run(command, capture_output=True, text=True)
    return result.stdout.strip() if result.returncode == 0 else "unknown"


def describe(device: str) -> dict:
    """The head of a file of results."""
    return {
        "device": device_name(device),
        "device_type": device,
        "cpu": cpu_name(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "platform": platform.platform(),
        "versions": versions(),
        "commit": commit(),
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
    }


def synchronizer(device: str):
    """What waits until the device has done its work."""
    return torch.cuda.synchronize if device == "cuda" else lambda: None

"""Generates everything that follows from the contracts in `protos/`.

.venv/bin/python tools/generate.py              write what differs
.venv/bin/python tools/generate.py --check      write nothing; exit 1 and name what differs
.venv/bin/python tools/generate.py --lint       buf lint and buf format on the contracts
.venv/bin/python tools/generate.py --breaking   buf breaking against the newest release tag, else the last commit
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import client_generate
import gateway_generate
from google.protobuf import descriptor_pb2, duration_pb2, field_mask_pb2, timestamp_pb2

ROOT = Path(__file__).resolve().parent.parent
SITE_PACKAGES = next(Path(entry) for entry in sys.path if entry.endswith("site-packages"))
BUF = Path(sys.executable).parent / "buf"
RPC_METHODS = Path("clients/shodhana_client/rpc_methods.json")
GENERATED = (
    RPC_METHODS,
    Path("services/shodhana/api"),
    Path("services/buf"),
    *(Path("gateway") / name for name in gateway_generate.GENERATED),
)
PASS_ALONG = ("google/rpc/error_details.proto",)  # not imported by a contract, but packed into error details


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    action = parser.add_mutually_exclusive_group()
    for name in ("check", "lint", "breaking"):
        action.add_argument(f"--{name}", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        if arguments.lint:
            return lint(build_image(ROOT / "protos", scratch))
        if arguments.breaking:
            return breaking(scratch)
        return generate(scratch, write=not arguments.check)


def generate(scratch: Path, *, write: bool) -> int:
    """Generates into `scratch` and compares with, or copies to, the tree; returns the exit code."""
    generate_python(ROOT / "protos", scratch)
    image = build_image(ROOT / "protos", scratch)
    client_generate.generate_client(image, scratch / RPC_METHODS)
    gateway_generate.generate_gateway(image, scratch / "gateway")
    differing = [path for path in GENERATED if contents(scratch / path) != contents(ROOT / path)]
    for path in differing:
        if write:
            replace(scratch / path, ROOT / path)
        print(f"{path}: {'written' if write else 'differs from the contracts; run `make gen`'}")
    return 1 if differing and not write else 0


def replace(source: Path, target: Path) -> None:
    if source.is_file():
        shutil.copyfile(source, target)
        return
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)


def contents(tree: Path) -> dict[str, bytes]:
    if tree.is_file():
        return {tree.name: tree.read_bytes()}
    files = (path for path in tree.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {str(path.relative_to(tree)): path.read_bytes() for path in files}


def generate_python(protos: Path, scratch: Path) -> None:
    target = scratch / "services"
    target.mkdir()
    outputs = [f"--{kind}_out={target}" for kind in ("python", "mypy", "grpc_python", "mypy_grpc")]
    protoc(protos, scratch, [*outputs, *contracts(protos), "buf/validate/validate.proto"])
    for folder in (path for path in target.rglob("*") if path.is_dir()):
        (folder / "__init__.py").touch()
    for stub in target.rglob("*_pb2_grpc.py*"):
        if "Stub" not in stub.read_text():
            stub.unlink()  # a file without a service


def build_image(protos: Path, scratch: Path) -> Path:
    """Builds the whole workspace, imports and comments included, as a descriptor set that buf reads."""
    image = scratch / f"{protos.parent.name or 'image'}.binpb"
    flags = ["--include_imports", "--include_source_info", f"--descriptor_set_out={image}"]
    protoc(protos, scratch, [*flags, *contracts(protos), *PASS_ALONG])
    return image


def contracts(protos: Path) -> list[str]:
    return sorted(str(path.relative_to(protos)) for path in protos.rglob("*.proto"))


def protoc(protos: Path, scratch: Path, arguments: list[str]) -> None:
    validate = scratch / "validate.binpb"
    validate.write_bytes(validate_descriptor_set().SerializeToString())
    command = [sys.executable, "-m", "grpc_tools.protoc", f"--descriptor_set_in={validate}"]
    environment = {"PATH": f"{BUF.parent}:/usr/bin:/bin"}
    subprocess.run([*command, f"-I{protos}", f"-I{SITE_PACKAGES}", *arguments], check=True, env=environment)


def validate_descriptor_set() -> descriptor_pb2.FileDescriptorSet:
    """The descriptor of buf/validate/validate.proto, with what it imports, as the protovalidate wheel carries it."""
    from protovalidate._gen.buf.validate import validate_pb  # its only home: the wheel ships no .proto file

    result = descriptor_pb2.FileDescriptorSet()
    for module in (descriptor_pb2, duration_pb2, timestamp_pb2, field_mask_pb2):
        module.DESCRIPTOR.CopyToProto(result.file.add())
    result.file.add().ParseFromString(validate_pb.desc().proto.to_binary())
    return result


def lint(image: Path) -> int:
    checks = [
        [BUF, "lint", image, "--config", ROOT / "buf.yaml"],
        [BUF, "format", ROOT, "--diff", "--exit-code"],
    ]
    return max(subprocess.run(check, check=False).returncode for check in checks)


def breaking(scratch: Path) -> int:
    base = base_revision()
    archive = subprocess.run(["git", "archive", base, "protos"], cwd=ROOT, capture_output=True, check=False)
    if archive.returncode != 0:
        print(f"buf breaking: {base} holds no contracts yet")
        return 0
    old = scratch / "old"
    old.mkdir()
    subprocess.run(["tar", "-x", "-C", old], input=archive.stdout, check=True)
    against, now = build_image(old / "protos", scratch), build_image(ROOT / "protos", scratch)
    command = [BUF, "breaking", now, "--against", against, "--config", ROOT / "buf.yaml"]
    return subprocess.run(command, check=False).returncode


def base_revision() -> str:
    """The newest release tag: contracts may change freely until the first release, and never break after it."""
    tag = subprocess.run(
        ["git", "describe", "--tags", "--abbrev=0", "--match=v*"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return tag.stdout.strip() or "HEAD"


if __name__ == "__main__":
    sys.exit(main())

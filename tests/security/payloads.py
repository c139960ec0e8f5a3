"""Files that a stranger could send."""

import io
import struct
import zipfile
from copy import copy
from pathlib import Path

import torch

P2 = b"\x80\x02"  # begins a pickle
ENTRY = "x/data.pkl"


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def archive(pickled: bytes, compress: bool = False, **more: bytes) -> bytes:
    """Pack a pickle as torch does."""
    buffer = io.BytesIO()
    kind = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
    with zipfile.ZipFile(buffer, "w", kind) as target:
        for name, content in {"data.pkl": pickled, "version": b"3\n", **more}.items():
            target.writestr(f"x/{name}", content)
    return buffer.getvalue()


def saved(content: object, **options: bool) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, **options)
    return buffer.getvalue()


def repeated(names: list[str]) -> bytes:
    """List an entry once more under each name."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as target:
        target.writestr(ENTRY, P2 + text("a" * 9_999) + b".")
        for name in names:
            target.filelist.append(copy(target.filelist[0]))
            target.filelist[-1].filename = name
    return buffer.getvalue()


def reshaped(claim: int) -> bytes:
    """Claim more elements than there are."""
    with zipfile.ZipFile(io.BytesIO(saved({"w": torch.arange(4.0)}))) as source:
        parts = {name.partition("/")[2]: source.read(name) for name in source.namelist()}
    pickled = parts.pop("data.pkl").replace(b"K\x04t", b"J" + struct.pack("<i", claim) + b"t", 1)
    return archive(pickled, **parts)


def executing(marker: Path) -> dict[str, bytes]:
    """Files that touch a file when they are executed."""
    call = text(f"touch {marker}") + b"\x85R."
    system = P2 + b"cos\nsystem\n" + call
    return {
        "system": archive(system),
        "posix": archive(P2 + b"cposix\nsystem\n" + call),
        "bare": system,
        "after a state": archive(
            P2 + b"}" + text("state_dict") + b"cos\nsystem\n" + call[:-1] + b"s."
        ),
        "new object": archive(
            P2 + b"csubprocess\nPopen\n" + text(f"touch {marker}") + b"\x85\x81."
        ),
        "torch's loader": archive(P2 + b"ctorch\nload\n" + text("y.pt") + b"\x85R."),
        "hub": archive(P2 + b"ctorch.hub\nload\n" + text("a/b") + text("c") + b"\x86R."),
        "old format": saved({"a": 1}, _use_new_zipfile_serialization=False),
        "old format before a zip": system + archive(P2 + b"N."),
        "script": archive(P2 + b"N.", **{"constants.pkl": system}),
    }


def costly() -> dict[str, bytes]:
    """Files that are small and cost much."""
    lists = b"]" + 60 * b"q\x00]h\x00ah\x00a"
    tuples = b")" + 60 * b"q\x00h\x00\x86"
    many = b"J" + struct.pack("<i", 2**31 - 1)
    return {
        "large tensor": archive(P2 + b"ctorch\nTensor\n" + many + b"\x85R."),
        "large storage": archive(P2 + b"ctorch\nFloatStorage\n" + many + b"\x85R."),
        "large bytes": archive(P2 + b"c__builtin__\nbytearray\n" + many + b"\x85R."),
        "slow codec": archive(
            P2 + b"c_codecs\nencode\n" + text("a") + text("punycode") + b"\x86R."
        ),
        "deep key": archive(P2 + b"})" + 1_000_000 * b"\x85" + b"Ns."),
        "wide key": archive(P2 + b"}" + tuples + b"Ns."),
        "deep lists": archive(P2 + 10_000 * b"]" + 9_999 * b"a" + b"."),
        "wide lists": archive(P2 + lists + b"."),
        "wide tuples": archive(P2 + tuples + b"."),
        "list in itself": archive(P2 + b"]q\x00h\x00a."),
        "dictionary in itself": archive(P2 + b"}q\x00" + text("a") + b"h\x00s."),
        "stretched": saved({"w": torch.zeros(1).expand(10**13)}),
        "claims": reshaped(10**9),
        "no elements": saved({"w": torch.empty(10**12, device="meta")}),
        "sparse": saved({"w": torch.sparse_coo_tensor([[9]], [1.0], (2,), check_invariants=False)}),
        "compressed": archive(P2 + text("a" * 10**7) + b".", compress=True),
        "two folders": repeated(["y/data.pkl"]),
        "overlapping": repeated([f"x/{number}" for number in range(50)]),
        "named twice": repeated([ENTRY]),
        "two archives": archive(P2 + b"N.") + archive(P2 + b"N."),
    }


def odd() -> dict[str, bytes]:
    """Files whose content lies about what it is."""
    items = text("items") + b"N"
    ordered = b"ccollections\nOrderedDict\n)R"
    return {
        "replaced method": archive(P2 + ordered + b"}" + items + b"sb."),
        "function for a value": archive(
            P2 + b"}" + text("w") + b"ctorch._utils\n_rebuild_tensor_v2\ns."
        ),
        "unknown protocol": archive(b"\x80\x04N."),
        "nothing on the stack": archive(P2 + b"\x86."),
        "mark that is missing": archive(P2 + b"t."),
        "no end": archive(P2 + b"N"),
        "no pickle": archive(b"hello"),
    }

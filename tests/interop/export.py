"""What the checks need to know of an export, read without any code of the ledger."""

import base64
import hashlib
import json
from pathlib import Path


class Export:
    def __init__(self, root):
        self.root = Path(root)
        self.checkpoint = (self.root / "checkpoint").read_bytes()
        self.origin, size, head = self.checkpoint.decode().split("\n")[:3]
        self.size = int(size)
        self.head = base64.b64decode(head, validate=True)

    def log_vkey(self):
        """The checkpoint key of this log, out of the trust file."""
        for line in (self.root / "policy").read_text().splitlines():
            items = line.split()
            if items[:1] == ["log"] and items[1].startswith(self.origin + "+"):
                return items[1]
        raise ValueError(f"the trust file has no key of {self.origin}")

    def bundles(self):
        """The paths of the entry bundles, in order."""
        for index in range((self.size + 255) // 256):
            width = min(256, self.size - index * 256)
            groups = [f"{index % 1000:03}"]
            rest = index // 1000
            while rest:
                groups.insert(0, f"x{rest % 1000:03}")
                rest //= 1000
            partial = "" if width == 256 else f".p/{width}"
            yield self.root / ("tile/entries/" + "/".join(groups) + partial)

    def entries(self):
        for path in self.bundles():
            data = path.read_bytes()
            while data:
                length = int.from_bytes(data[:2], "big")
                if len(data) < 2 + length:
                    raise ValueError(f"{path} is cut off")
                yield data[2 : 2 + length]
                data = data[2 + length :]

    def manifest(self):
        return (self.root / "manifest.json").read_bytes()


def header_of(entry):
    return base64.b64decode(json.loads(entry)["payload"], validate=True)


def kid_of(public_key):
    return hashlib.sha256(public_key).hexdigest()[:32]

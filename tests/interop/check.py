"""Lets independent Python implementations judge an export: check.py tiles|dsse|jcs EXPORT."""

import base64
import json
import sys
from importlib.metadata import version

from export import Export, header_of, kid_of


def tiles(export):
    from aics_tlog.checkpoint import checkpoint_from_note
    from aics_tlog.note import parse_vkey, verify_note_signature
    from aics_tlog.tiles import FileSystemTileReader
    from aics_tlog.verified import audit_tiles

    checkpoint, note = checkpoint_from_note(export.checkpoint)
    key = parse_vkey(export.log_vkey())
    signed = [line for line in note.signatures if line.name == key.name]
    if not signed or not all(verify_note_signature(note, line, key) for line in signed):
        raise ValueError("the checkpoint is not signed by the log's key")
    report = audit_tiles(FileSystemTileReader(export.root), checkpoint.size, checkpoint.root)
    return f"checkpoint of {report.size} entries, {report.tiles} tiles, {report.bundles} bundles", "aics-tlog"


def dsse(export):
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import SSlibKey

    def key_of(public_key):
        kid = kid_of(public_key)
        return SSlibKey(kid, "ed25519", "ed25519", {"public": public_key.hex()})

    def accept(envelope, key):
        Envelope.from_dict(json.loads(envelope)).verify([key], 1)

    active, count = None, 0
    for count, entry in enumerate(export.entries(), 1):
        header = json.loads(header_of(entry))
        introduced = None
        if header["type"] in ("ledger.key.genesis.v1", "ledger.key.rotated.v1"):
            introduced = key_of(base64.b64decode(header["data"]["key"], validate=True))
        active = active or introduced
        accept(entry, active)
        active = introduced or active
    vkey = base64.b64decode(export.log_vkey().split("+", 2)[2], validate=True)
    accept(export.manifest(), key_of(vkey[1:]))
    return f"{count} entries and the manifest", "securesystemslib"


def jcs(export):
    import rfc8785

    def canonical(what, data):
        if rfc8785.dumps(json.loads(data)) != data:
            raise ValueError(f"{what} is not canonical")

    count = 0
    for count, entry in enumerate(export.entries(), 1):
        canonical(f"entry {count - 1}", entry)
        canonical(f"the header of entry {count - 1}", header_of(entry))
    canonical("the manifest", export.manifest())
    canonical("the manifest's payload", header_of(export.manifest()))
    return f"{count} entries, their headers and the manifest", "rfc8785"


def main():
    check = {"tiles": tiles, "dsse": dsse, "jcs": jcs}[sys.argv[1]]
    try:
        what, package = check(Export(sys.argv[2]))
    except Exception as error:  # whatever the implementation raises is its refusal
        sys.exit(f"refused by {check.__name__}: {type(error).__name__}: {error}")
    print(f"accepted: {what}, by {package} {version(package)} (Python)")


if __name__ == "__main__":
    main()

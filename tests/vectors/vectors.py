#!/usr/bin/env python3
"""Makes the golden vectors of docs/format.md from that page alone, with Python's standard library:
block trees, digest lines, signatures, a sidecar and a tracker's proofs.

    python3 tests/vectors/vectors.py           compare with the files beside this one
    python3 tests/vectors/vectors.py --write   write them

Slow and not constant in time: for vectors, never for a key that matters.
"""

import json
import sys
from base64 import b64encode
from hashlib import sha256, sha512
from pathlib import Path

# --- The block tree ---

BLOCK = 16 * 1024


def leaves_of(data):
    return [sha256(data[at : at + BLOCK]).digest() for at in range(0, len(data), BLOCK)]


def root_of(leaves):
    row = list(leaves)
    while len(row) & (len(row) - 1):
        row.append(bytes(32))
    while len(row) > 1:
        row = [sha256(row[at] + row[at + 1]).digest() for at in range(0, len(row), 2)]
    return row[0]


# --- Ed25519 (RFC 8032 §5.1), on affine points of -x² + y² = 1 + d·x²·y² ---

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P


def add(a, b):
    (ax, ay), (bx, by) = a, b
    k = D * ax * bx * ay * by
    x = (ax * by + bx * ay) * pow(1 + k, -1, P)
    y = (ay * by + ax * bx) * pow(1 - k, -1, P)
    return x % P, y % P


def times(number, point):
    total = (0, 1)
    while number:
        if number & 1:
            total = add(total, point)
        point = add(point, point)
        number >>= 1
    return total


def base_point():
    y = 4 * pow(5, -1, P) % P
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    return (P - x if x & 1 else x), y


B = base_point()


def little(number, size):
    return number.to_bytes(size, "little")


def packed(point):
    x, y = point
    return little(y | (x & 1) << 255, 32)


def expand(secret):
    digest = sha512(secret).digest()
    scalar = int.from_bytes(digest[:32], "little")
    return scalar & (1 << 254) - 8 | 1 << 254, digest[32:]


def public_key(secret):
    return packed(times(expand(secret)[0], B))


def sign(secret, message):
    scalar, prefix = expand(secret)
    number = lambda *parts: int.from_bytes(sha512(b"".join(parts)).digest(), "little") % L
    r = number(prefix, message)
    commitment = packed(times(r, B))
    k = number(commitment, public_key(secret), message)
    return commitment + little((r + k * scalar) % L, 32)


def check_ed25519():
    """RFC 8032 §7.1, test 1."""
    secret = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    assert public_key(secret).hex() == (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    )
    assert sign(secret, b"").hex() == (
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555"
        "fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
    )


# --- Lines ---


def base64(data):
    return b64encode(data).decode()


def signed_message(stream, track, seq, size, root):
    text = lambda word: little(len(word.encode()), 4) + word.encode()
    return (
        b"swarmline segment v1\n"
        + text(stream)
        + text(track)
        + little(seq, 8)
        + little(size, 8)
        + root
    )


def line(size, root, whole=None, seal=None):
    """`seal` is (stream, track, seq, signature)."""
    text = f'#EXT-X-SWARMLINE-DIGEST:SIZE={size},ROOT="{base64(root)}"'
    if whole:
        text += f',SHA256="{base64(whole)}"'
    if seal:
        stream, track, seq, signature = seal
        text += f',STREAM="{stream}",TRACK="{track}",SEQ={seq},SIG="{base64(signature)}"'
    return text


def segment(size):
    """Byte i of every segment here is i mod 251."""
    return bytes(i % 251 for i in range(size))


SECRET = bytes(range(32))
STREAM = "0123456789abcdef01234567"


# --- The files ---


def tree_txt():
    rows = [
        "# Block trees: SHA-256 over 16 KiB blocks, missing leaves up to a power of two are 32 zero bytes,",
        "# a node is SHA-256(left | right). Byte i of every segment is i mod 251.",
        "#",
        "# size  blocks  root",
    ]
    for size in [1, 16383, 16384, 16385, 32768, 40000, 65536, 65537, 81921, 200000]:
        leaves = leaves_of(segment(size))
        rows.append(f"{size:<7} {len(leaves):<7} {root_of(leaves).hex()}")
    return "\n".join(rows) + "\n"


def lines_txt():
    rows = [
        "# Digest lines. Byte i of every segment is i mod 251. `size` is its length; with `sha256` the line",
        "# has the hash of the whole; `public-key` verifies the signature of `message`. What is `refused-`",
        "# must not be read, or not verify.",
        "#",
        f"# The secret key of all: {SECRET.hex()}",
    ]

    def section(name, **fields):
        rows.extend(["", f"[{name}]"])
        rows.extend(f"{key.replace('_', '-')} {value}".rstrip() for key, value in fields.items())

    def sealed(stream, track, seq, size):
        root = root_of(leaves_of(segment(size)))
        message = signed_message(stream, track, seq, size, root)
        signature = sign(SECRET, message)
        return root, message, (stream, track, seq, signature)

    public = base64(public_key(SECRET))
    for name, size, whole in [("plain", 40000, False), ("whole", 16384, True)]:
        data = segment(size)
        digest = sha256(data).digest() if whole else None
        section(name, size=size, line=line(size, root_of(leaves_of(data)), digest))
    for name, stream, track, seq, size, whole in [
        ("signed", STREAM, "video/720p.m3u8", 41, 40000, False),
        ("signed-whole", STREAM, "audio/en.m3u8", 0, 1, True),
        ("signed-odd-names", "a,b=c", "ä/ö.m3u8", 2**64 - 1, 16385, False),
        ("signed-no-names", "", "", 7, 200000, False),
    ]:
        root, message, seal = sealed(stream, track, seq, size)
        digest = sha256(segment(size)).digest() if whole else None
        text = line(size, root, digest, seal)
        section(name, size=size, public_key=public, message=message.hex(), line=text)

    root, _, seal = sealed(STREAM, "video/720p.m3u8", 41, 40000)
    right = line(40000, root, None, seal)
    twice = int.from_bytes(seal[3][32:], "little") + L
    second_form = seal[3][:32] + little(twice, 32)
    for name, text in [
        ("seq", right.replace("SEQ=41", "SEQ=42")),
        ("size", right.replace("SIZE=40000", "SIZE=40001")),
        ("track", right.replace("720p", "480p")),
        ("stream", right.replace(STREAM, STREAM[1:])),
        ("second-form-of-the-signature", line(40000, root, None, (*seal[:3], second_form))),
        ("half-a-seal", right.replace(',TRACK="video/720p.m3u8"', "")),
    ]:
        section(f"refused-{name}", public_key=public, line=text)
    return "\n".join(rows) + "\n"


def sidecar_json():
    track = "video/720p.m3u8"
    segments = []
    for seq, (name, size, bounds) in enumerate(
        [("1.m4s", 40000, None), ("all.mp4?x=%20", 16384, "0-16383"), ("../3.m4s", 1, None)]
    ):
        data = segment(size)
        leaves = leaves_of(data)
        root = root_of(leaves)
        message = signed_message(STREAM, track, seq, size, root)
        entry = {"url": name, "range": bounds, "size": size, "root": base64(root)}
        entry["sha256"] = base64(sha256(data).digest()) if seq == 2 else None
        entry |= {"seq": seq, "sig": base64(sign(SECRET, message))}
        entry["leaves"] = base64(b"".join(leaves)) if seq == 0 else None
        segments.append({key: value for key, value in entry.items() if value is not None})
    sidecar = {
        "format": "swarmline-sidecar",
        "version": 1,
        "stream": STREAM,
        "tracks": [{"track": track, "segments": segments}],
    }
    return json.dumps(sidecar, separators=(",", ":"), ensure_ascii=False) + "\n"


def proof_txt():
    rows = [
        "# Proofs. `words` is what a tracker gives a peer of `room` with `fingerprint` at `now`, until `until`, with the keys",
        "# of these secrets.",
    ]
    room, peer, fingerprint = (bytes(range(at, at + size)) for at, size in [(1, 20), (65, 20), (200, 32)])
    second = bytes(reversed(SECRET))
    for now, until, keys in [(1760000000, 1760003600, [SECRET]), (7, 2**64 - 1, [second, SECRET])]:
        message = b"swarmline proof v1\n" + room + peer + fingerprint + little(until, 8)
        ticket = base64(little(until, 8) + sign(keys[0], message))
        words = [ticket, str(now), *(base64(public_key(key)) for key in keys)]
        fields = {
            "room": room.hex(),
            "peer": peer.hex(),
            "fingerprint": ":".join(f"{byte:02X}" for byte in fingerprint),
            "now": now,
            "until": until,
            "secrets": " ".join(key.hex() for key in keys),
            "words": " ".join(words),
        }
        rows += ["", *(f"{name} {value}" for name, value in fields.items())]
    return "\n".join(rows) + "\n"


def check_example(page):
    """The worked example of docs/format.md says what is so, line breaks aside."""
    leaves = leaves_of(segment(40000))
    root = root_of(leaves)
    message = signed_message(STREAM, "video/720p.m3u8", 41, 40000, root)
    seal = (STREAM, "video/720p.m3u8", 41, sign(SECRET, message))
    bare = page.replace("\n", "")
    wanted = [leaf.hex() for leaf in leaves] + [root.hex(), base64(public_key(SECRET))]
    wanted += [line(40000, root), line(40000, root, None, seal)]
    wanted += [part.hex() for part in (message[:21], message[25:49], message[53:68])]
    wanted += [part.hex() for part in (message[68:76], message[76:84])]
    return [text for text in wanted if text not in bare]


def main():
    check_ed25519()
    folder = Path(__file__).parent
    page = folder / ".." / ".." / "docs" / "format.md"
    missing = check_example(page.read_text(encoding="utf-8"))
    for text in missing:
        print(f"docs/format.md's example lacks {text}")
    made = {
        "tree.txt": tree_txt(),
        "lines.txt": lines_txt(),
        "sidecar.json": sidecar_json(),
        "proof.txt": proof_txt(),
    }
    wrong = []
    for name, text in made.items():
        file = folder / name
        if sys.argv[1:] == ["--write"]:
            file.write_text(text, encoding="utf-8", newline="\n")
        elif not file.exists() or file.read_text(encoding="utf-8") != text:
            wrong.append(name)
    for name in wrong:
        print(f"{name} is not what docs/format.md says: compare it after --write")
    sys.exit(1 if wrong or missing else 0)


main()

"""Hostile data files: thousands of damaged images, .npz and .ts files are read, each into data or an error of ours.

    python tools/fuzz_data_files.py 20000 [seed]

Images of seven formats in every kind of pixel and packing that Pillow writes, arrays, and sequences are cut, flipped,
stretched, and given huge and negative numbers, then read as an estimator would read them. Whatever is raised must be
Cutaway's own error; no process, connection, file to write or unpickled name may come of it, nor a part of Pillow for a
format that we do not read. This happens in a process that may have LIMIT bytes of memory and SILENCE seconds for a
file, so that a crash or a hang is found too, and its file kept.
"""

import collections
import gzip
import io
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

LIMIT = 3 * 2**30  # bytes of address space
SILENCE = 20  # seconds
FORBIDDEN = ("os.system", "os.exec", "os.fork", "os.posix_spawn", "subprocess.", "socket.", "pickle.")
NUMBERS = (b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", bytes(4), b"-1", b"9" * 9, b"1e309")


def originals():
    """Ending -> whole files."""
    import numpy as np
    from PIL import Image

    from cutaway.data import old_pillow

    rng = np.random.default_rng(0)
    picture = Image.fromarray(rng.integers(0, 256, (17, 23, 3), dtype=np.uint8))
    turned = Image.Exif()
    turned[0x0112] = 6
    ways = [{}, {"exif": turned}, {"lossless": True}, {"progressive": True},
            {"save_all": True, "append_images": [picture]}]
    ways += [{"compression": way} for way in ("tiff_lzw", "tiff_jpeg", "tiff_adobe_deflate", "group4", "packbits")]
    found = {}
    for kind in ("PNG", "JPEG", "GIF", "BMP", "WEBP", "PPM") + ("TIFF",) * (not old_pillow.is_old()):  # nor written
        for mode in ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "I;16", "I", "F"):
            for options in ways:
                file = io.BytesIO()
                try:
                    picture.convert("I" if ";" in mode else mode).convert(mode).save(file, kind, **options)
                except Exception:  # not every format has every kind of pixel
                    continue
                found[file.getvalue()] = kind.lower()
    for X in (rng.random((5, 3)), rng.integers(0, 9, (5, 4, 4), dtype=np.uint8), rng.random((5, 3, 2))):
        for save in (np.savez, np.savez_compressed):
            file = io.BytesIO()
            save(file, X=X, y=np.array(list("abcab")))
            found[file.getvalue()] = "npz"
    text = b"@problemName x\n@univariate false\n@dimensions 2\n@classLabel true a b\n@data\n"
    text += b"1,2,3:4,?,-6e2:a\n7:8:b\n" * 3
    found |= {text: "ts", gzip.compress(text): "ts.gz"}
    return {ending: [content for content, its in found.items() if its == ending] for ending in found.values()}


def damaged(content, rng):
    content = bytearray(content)
    for _ in range(rng.randint(1, 5)):
        at = rng.randrange(min(len(content), rng.choice([40, 200, 10**9])) or 1)
        piece = rng.choice(NUMBERS) if rng.random() < 0.3 else bytes([rng.choice([0, 1, 127, 255, rng.randrange(256)])])
        if rng.random() < 0.6:
            content[at : at + len(piece)] = piece
        elif rng.random() < 0.5:
            del content[at : at + rng.randint(1, 20)]
        else:
            content[at:at] = piece * rng.randint(1, 9)
    return bytes(content)


class Watch:
    """What happened while a file was read that should not have."""

    def __init__(self):
        self.on, self.seen = False, []
        sys.addaudithook(self.hear)

    def hear(self, event, about):
        if not self.on:
            return
        writes = event == "open" and isinstance(about[2], int) and about[2] & (os.O_WRONLY | os.O_RDWR)
        stranger = event == "import" and about[0].endswith("ImagePlugin") and about[0] != "PIL.MpoImagePlugin"
        if event.startswith(FORBIDDEN) or writes or stranger:
            self.seen.append(f"{event} {about}")


def work(folder, rounds, seed):
    """Reads so many damaged files; prints those that did what they must not, which stay, and what came of all."""
    from cutaway.data.pillow import need_pillow
    from cutaway.errors import CutawayError
    from cutaway.estimators.inputs import kind_of

    need_pillow()
    known, rng, outcomes, watch = originals(), random.Random(seed), collections.Counter(), Watch()
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT))
    for i in range(rounds):
        ending = rng.choice([*known])
        path = Path(folder, f"{i}.{ending}")
        path.write_bytes(damaged(rng.choice(known[ending]), rng))
        watch.on = True
        signal.alarm(SILENCE)
        try:
            kind_of(path).read(path)
            outcome = "read"
        except CutawayError as problem:
            outcome = type(problem).__name__
        except BaseException as problem:
            outcome = f"{type(problem).__name__}, which is not ours"
            print(f"{path}: {type(problem).__name__}: {problem}")
        watch.on = False
        signal.alarm(0)
        outcomes[f"{ending}: {outcome}"] += 1
        if watch.seen:
            print(f"{path}: {watch.seen}")
        if watch.seen or "not ours" in outcome:
            watch.seen.clear()
        else:
            path.unlink()
    print(*(f"{times:8,} {outcome}" for outcome, times in sorted(outcomes.items())), sep="\n")


def main():
    rounds, seed = [*map(int, sys.argv[1:]), *(20_000, 0)[len(sys.argv) - 1 :]]
    folder = Path(tempfile.mkdtemp())
    command = [sys.executable, "-W", "ignore", __file__, "--work", str(folder), str(rounds), str(seed)]
    ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)  # libtiff is loud
    print(ended.stdout, end="")
    left = sorted(map(str, folder.iterdir()))
    if ended.returncode or left:
        sys.exit(f"ended with {ended.returncode}; files that did it: {', '.join(left)}")
    folder.rmdir()
    print(f"{rounds:,} damaged files: each was read, or refused by an error of ours")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--work"]:
        work(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    else:
        main()

"""WAV files: samples of every usual form, against what scipy.io.wavfile reads; damaged ones are refused in words."""

import io
import struct

import numpy as np
import pytest
from scipy.io import wavfile

from cutaway.data import read_recordings
from cutaway.data.wav_files import read_wav
from cutaway.errors import DataError

rng = np.random.default_rng(0)
SOUND = np.clip(rng.normal(0, 0.3, (50, 2)), -1, 1)


def wav(values, rate=8000):
    file = io.BytesIO()
    wavfile.write(file, rate, values)
    return file.getvalue()


def riff(*chunks):
    body = b"".join(name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for name, data in chunks)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


def form(code=1, channels=1, rate=8000, bits=16, block=None, more=b""):
    block = channels * bits // 8 if block is None else block
    return struct.pack("<HHIIHH", code, channels, rate, rate * block, block, bits) + more


def written(tmp_path, data, name="a.wav"):
    (tmp_path / name).write_bytes(data)
    return tmp_path / name


@pytest.mark.parametrize(("values", "wanted"), [
    (((SOUND + 1) * 127).astype(np.uint8), lambda v: (v.astype(float) - 128) / 128),
    ((SOUND * 32767).astype(np.int16), lambda v: v / 2**15),
    ((SOUND * (2**31 - 1)).astype(np.int32), lambda v: v / 2**31),
    (SOUND.astype(np.float32), lambda v: v),
    (SOUND, lambda v: v),
    ((SOUND[:, 0] * 32767).astype(np.int16), lambda v: v[:, None] / 2**15),
], ids=["8 bits", "16 bits", "32 bits", "float32", "float64", "mono"])
def test_samples_are_parts_of_their_range(tmp_path, values, wanted):
    rate, found = read_wav(written(tmp_path, wav(values, 16000)))
    assert rate == 16000 and found.dtype == np.float32
    np.testing.assert_allclose(found, wanted(values), atol=1e-7)


def test_24_bits_by_hand_and_as_scipy_reads_them(tmp_path):
    numbers = [0, 1, -1, 2**23 - 1, -(2**23)]
    data = riff((b"fmt ", form(bits=24)), (b"data", b"".join(n.to_bytes(3, "little", signed=True) for n in numbers)))
    path = written(tmp_path, data)
    _, found = read_wav(path)
    np.testing.assert_array_equal(found[:, 0], np.array(numbers, np.float32) / np.float32(2**23))
    np.testing.assert_array_equal(found[:, 0], wavfile.read(path)[1].astype(np.float32) / 2**31)


def test_other_chunks_and_unknown_sizes_are_passed_over(tmp_path):
    sound = struct.pack("<3h", 16384, -16384, 0)
    data = riff((b"LIST", b"odd"), (b"fmt ", form(code=0xFFFE, more=struct.pack("<HHIH", 22, 16, 4, 1) + b"\0" * 14)),
                (b"data", sound))
    assert read_wav(written(tmp_path, data))[1].ravel().tolist() == [0.5, -0.5, 0.0]
    for size in (0xFFFFFFFF, 0, 0x7FFFF000):
        piped = data[: -len(sound) - 4] + struct.pack("<I", size) + sound
        assert read_wav(written(tmp_path, piped))[1].ravel().tolist() == [0.5, -0.5, 0.0]


def test_sox_says_the_last_whole_sample_below_two_gigabytes_of_what_it_writes_into_a_pipe(tmp_path):
    """SoX 14.4.2, `sox ... -b 24 -t wav -`."""
    data = riff((b"fmt ", form(bits=24)), (b"data", b"\0\0\x40")).replace(b"data\3\0\0\0", b"data\xff\xef\xff\x7f")
    assert read_wav(written(tmp_path, data))[1].ravel().tolist() == [0.5]


BAD = {
    "empty": (b"", "is empty"),
    "text": (b"time,x\n1,2\n3,4\n5,6\n", "is no WAV file"),
    "RF64": (b"RF64" + wav(SOUND)[4:], "of the kind RF64"),
    "cut off": (wav((SOUND * 9).astype(np.int16))[:-30],
                "is cut off: its header says 200 bytes of sound, 170 are there"),
    "cut off in the header": (wav((SOUND * 9).astype(np.int16))[:40], "no sound: .* It may be cut off"),
    "no sound": (riff((b"fmt ", form()), (b"data", b"")), "no sound"),
    "sound before its form": (riff((b"data", b"\0" * 8), (b"fmt ", form())), "damaged"),
    "short form": (riff((b"fmt ", b"\1\0"), (b"data", b"\0" * 8)), "damaged"),
    "A-law": (riff((b"fmt ", form(code=6, bits=8)), (b"data", b"\0" * 8)), "compressed \\(A-law\\)"),
    "12 bits": (riff((b"fmt ", form(bits=12)), (b"data", b"\0" * 8)), "12 bits"),
    "no channel": (riff((b"fmt ", form(channels=0)), (b"data", b"\0" * 8)), "0 channels"),
    "many channels": (riff((b"fmt ", form(channels=60000, block=2)), (b"data", b"\0" * 8)), "damaged"),
    "no rate": (riff((b"fmt ", form(rate=0)), (b"data", b"\0" * 8)), "damaged"),
    "infinite": (wav(np.full(5, np.inf, np.float32)), "no finite numbers"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_sound_is_refused_by_name(tmp_path, case):
    content, says = BAD[case]
    path = written(tmp_path, content, "odd.wav")
    with pytest.raises(DataError, match=says) as caught:
        read_wav(path)
    assert "odd.wav" in str(caught.value)


def test_every_prefix_of_a_file_is_sound_or_a_data_error(tmp_path):
    whole = wav((SOUND[:20] * 9).astype(np.int16))
    path = tmp_path / "a.wav"
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(DataError):
            read_wav(path)


def test_random_bytes_in_a_header_do_no_harm(tmp_path):
    whole, path = bytearray(wav((SOUND * 9).astype(np.int16))), tmp_path / "a.wav"
    for _ in range(300):
        torn = bytearray(whole)
        for at in rng.integers(0, 44, 3).tolist():
            torn[at] = int(rng.integers(256))
        path.write_bytes(torn)
        try:
            _, found = read_wav(path)
        except DataError:
            continue
        assert found.size * 1 <= len(whole) and np.isfinite(found).all()


def test_one_file_is_one_sequence(tmp_path):
    series = read_recordings(written(tmp_path, wav((SOUND * 9).astype(np.int16))))
    assert series.X.shape == (1, 50, 2) and series.features == ["left", "right"] and series.rate == 8000
    assert series.y is None and series.notes == ["sound of 8,000 samples a second, 0.00625 seconds"]

"""The words of the studio are there in each language, with the same things put in, and so is what explain says."""

import re
from pathlib import Path

import cutaway

PACKAGE = Path(cutaway.__file__).parent
STATIC = PACKAGE / "studio" / "static"
WORD = re.compile(r'(?:^|, |\{ )\s*(\w+): "((?:[^"\\]|\\.)*)"', re.MULTILINE)
SENTENCE = re.compile(r'(?:^|, )\s*"([^"]+)":\s+"([^"]+)"', re.MULTILINE)


def puts_in(said):
    return sorted(re.findall(r"\{\w+\}", said))


def test_each_word_of_the_page_is_there_in_each_language_and_each_that_is_asked_for_is_known():
    english, _, arabic = (STATIC / "words.js").read_text(encoding="utf-8").partition("\n  ar: {")
    known, other = dict(WORD.findall(english)), dict(WORD.findall(arabic.partition("\n};")[0]))
    assert set(known) == set(other) and len(known) > 300
    assert [name for name, said in known.items() if puts_in(said) != puts_in(other[name])] == []
    asked = {name for path in STATIC.glob("*.js") for name in re.findall(r'\bt\("(\w+)"', path.read_text("utf-8"))}
    assert asked <= set(known)


def test_what_explain_says_is_translated_as_it_says_it():
    said = "".join(path.read_text("utf-8") for path in (*(PACKAGE / "inspect" / "explanations").glob("*.py"),
                                                        PACKAGE / "report" / "explanations.py"))
    said = re.sub(r'"\n\s+f?"', "", said)  # a sentence of two lines
    sentences = SENTENCE.findall((STATIC / "explained.js").read_text(encoding="utf-8"))
    assert len(sentences) > 50
    for english, own in sentences:
        assert puts_in(english) == puts_in(own), english
        parts = [part.strip() for part in re.split(r"\{\w+\}|[.;,:()]", english)]
        missing = [part for part in parts if part not in said and any(word not in said for word in part.split())]
        assert not missing, (english, missing)

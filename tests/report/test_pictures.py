"""The report of images shows pictures: of each class, and of the worst mistakes; a matrix of many classes is whole."""

import base64
import io
import re

import numpy as np
import pytest
from test_page import findings

from cutaway.data import read_images
from cutaway.inspect.pixels import Pixels
from cutaway.report.page import page
from cutaway.report.pictures import SIDE, pictures, png

HOSTILE = '"><script>alert(1)</script>'


def drawn(uri):
    from PIL import Image

    kind, _, data = uri.partition(",")
    assert kind == "data:image/png;base64"
    return np.array(Image.open(io.BytesIO(base64.b64decode(data))))


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_picture_holds_the_pixels_as_they_are(channels):
    image = np.random.default_rng(0).integers(0, 256, (7, 5, channels), dtype=np.uint8)
    again = drawn(png(image, Pixels(0, 255)))
    assert (again.reshape(image.shape) == image).all()


def test_a_large_one_is_made_small():
    assert max(drawn(png(np.zeros((1000, 300, 3)), Pixels())).shape[:2]) <= SIDE


@pytest.fixture
def shown():
    rng = np.random.default_rng(0)
    X = read_images(rng.integers(0, 256, (20, 6, 6, 3), dtype=np.uint8))
    X.names = [f"{HOSTILE}{k}.png" for k in range(20)]
    y = np.repeat(["cat", "dog"], 10)
    predicted = y.copy()
    predicted[[3, 12]] = ["dog", "cat"]
    sure = np.full(20, 0.6)
    sure[12] = 0.95
    return X, pictures(X, y, predicted, np.stack([sure, 1 - sure], 1))


def test_samples_are_of_each_class_and_the_surest_mistake_comes_first(shown):
    X, found = shown
    assert {row[1] for row in found["samples"]} == {"cat", "dog"} and len(found["samples"]) == 12
    assert [row[0] for row in found["worst"]] == [X.names[12], X.names[3]]
    assert (drawn(found["worst"][0][4]) == X.X[12]).all()
    assert found["scale"] == "0 is black, 255 white"


def test_the_page_shows_them_with_truth_and_prediction(shown):
    found = findings()
    found.pictures = shown[1]
    text = page(found)
    assert text.count('src="data:image/png;base64,') == 12 + 2
    assert "Worst mistakes" in text and "taken for" in text
    assert "<script" not in text and "img-src data:" in text.replace("&#x27;", "'")
    assert not re.findall(r'(?:src|href)="(?!data:|#)[^"]*"', text)


def test_a_page_without_pictures_has_no_such_section():
    assert "<h2>Images</h2>" not in page(findings())


def matrix(classes):
    counts = np.eye(classes, dtype=int) * 5
    counts[0, 1] = 3
    found = findings()
    found.confusion = {"labels": [f"class {k}" for k in range(classes)], "counts": counts.tolist()}
    return page(found)


@pytest.mark.parametrize("classes", [2, 10, 30])
def test_the_matrix_is_whole_and_its_rows_have_names(classes):
    text = re.search(r'<table class="confusion.*?</table>', matrix(classes), re.S)[0]
    assert text.count('scope="row"') == text.count('scope="col"') == classes
    assert text.count("<td class=") == classes**2 + 1  # and the corner, which says what rows and columns are
    assert ('<figure class="full">' in matrix(classes)) == (classes > 4)


def test_of_very_many_classes_the_commonest_mistakes_are_told():
    text = matrix(31)
    assert 'class="confusion' not in text and "The commonest mistakes" in text and "class 0</td>" in text


def test_a_fact_that_goes_on_has_a_name_too():
    found = findings()
    found.facts = [["images", "8 x 8 pixels, colour"], ["", "red: mean 0.2"], ["", "and so on"]]
    assert "<b>red</b>: mean 0.2" in page(found) and "<b>images</b>: 8 x 8" in page(found)

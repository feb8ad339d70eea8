"""What a notebook shows of every public result: pictures and tables, sealed; as text it stays what `print` gives."""

import base64
import inspect
import io
import re
import struct
from html import unescape
from html.parser import HTMLParser

import numpy as np
import pytest

import cutaway as ct
import cutaway.report.notebook
import cutaway.sklearn
from cutaway.data.doubts import Doubts
from cutaway.estimators.built import Built
from cutaway.lab.races.comparing import Standings
from cutaway.shown import Shown
from cutaway.train.run import Runs
from depth import every

pytestmark = pytest.mark.usefixtures("kernels_as_written")

X, Y = ct.datasets.make("moons", n=60, seed=0)
IMAGES = np.random.default_rng(0).random((20, 6, 6, 3))
HOSTILE = '<img src=x onerror=alert(1)>&"\'</script>'


def mlp(seed=0):
    return ct.nn.MLP(2, [3], 2).init(seed)


def cnn():
    return ct.nn.CNN((6, 6, 3), 2, channels=(2,)).init(0)


def fitted(**how):
    return ct.fit(mlp(), X, Y, loss="cross_entropy", epochs=2, **how)


def traced():
    return ct.trace(mlp(), X[:6], Y[:6], loss="cross_entropy")


def forked():
    one = ct.step(mlp(), X, Y, loss="cross_entropy")
    other = one.fork()
    other.freeze("layer1.weight")
    return ct.inspect.compare(one, other, steps=2)


def race():
    return ct.lab.race(ct.nn.MLP(2, [3], 2), X, Y, ["SGD", "Adam"], seeds=2, budget=1, epochs=1)


NET = ct.nn.MLP(2, [3], 2)
#: Every public class of results, and one of it.
RESULTS = {
    ct.Run: lambda: fitted(validation=0.2),
    type(fitted().history): lambda: fitted().history,
    Runs: lambda: ct.fit_many([{"model": mlp(k), "X": X, "y": Y, "loss": "cross_entropy", "epochs": 2} for k in (0, 1)
                               ]),
    ct.Program: lambda: fitted().program,
    type(fitted().program.profile(steps=2)): lambda: fitted().program.profile(steps=2),
    ct.nn.Module: mlp,
    ct.Classifier: lambda: ct.Classifier((3,), epochs=2).fit(X, Y),
    ct.Regressor: lambda: ct.Regressor((3,), epochs=2).fit(X, X[:, 0] * X[:, 1]),
    ct.sklearn.MLPClassifier: lambda: ct.sklearn.MLPClassifier((3,), max_iter=9, tol=9, n_iter_no_change=1).fit(X, Y),
    Doubts: lambda: ct.Classifier((3,), epochs=2).fit(X, Y).doubts(100 * X),
    type(ct.design(X, Y)): lambda: ct.design(X, Y),
    ct.inspect.Comparison: forked,
    ct.inspect.Diagnosis: lambda: ct.diagnose(fitted(), X, Y),
    ct.inspect.Effects: lambda: ct.inspect.effects(ct.Classifier((3,), epochs=2).fit(X, Y), X),
    ct.inspect.FeatureMaps: lambda: ct.inspect.feature_maps(cnn(), IMAGES[0]),
    ct.inspect.Filters: lambda: ct.inspect.filters(cnn()),
    ct.inspect.Finding: lambda: ct.diagnose(mlp(), 1000 * X, Y, loss="cross_entropy")[0],
    ct.inspect.NetworkDrawing: lambda: ct.inspect.draw(mlp()),
    ct.inspect.Neuron: lambda: ct.inspect.neuron(mlp(), "layer1", 0, X),
    ct.inspect.Session: lambda: ct.step(mlp(), X, Y, loss="cross_entropy"),
    ct.inspect.States: lambda: ct.inspect.states(ct.nn.Recurrent(2, 3, 2).init(0), np.ones((5, 2))),
    ct.inspect.Summary: lambda: ct.summary(mlp()),
    ct.inspect.Where: lambda: ct.inspect.where(
        ct.Classifier({"cell": "gru", "width": 4}, epochs=1).fit(np.stack([X, 1 - X], 1), Y), np.stack([X, 1 - X], 1)),
    ct.inspect.Why: lambda: ct.inspect.why(ct.Classifier((3,), epochs=2).fit(X, Y), X[:1]),
    ct.inspect.Trace: traced,
    ct.inspect.Traces: lambda: fitted().trace(1, steps=2),
    ct.inspect.Watch: ct.inspect.Watch,
    type(traced().explain("layer1.weight", 0, 0)): lambda: traced().explain("layer1.weight", 0, 0),
    type(traced().explain_update("layer1.weight", 0, 0)): lambda: traced().explain_update("layer1.weight", 0, 0),
    ct.lab.Approximation: lambda: ct.lab.approximation("x^2", widths=(1, 2), steps=20),
    ct.lab.BatchAdvice: lambda: ct.lab.batch_size(NET, X, Y),
    ct.lab.Batches: lambda: ct.lab.batches(NET, X, Y, sizes=(20, "full"), rates=(0.1,), epochs=1, runs=1),
    ct.lab.Bend: lambda: ct.lab.bend(X, Y, seeds=1, steps=10),
    ct.lab.Between: lambda: ct.lab.between(mlp(), mlp(1), X, Y, points=5, curves=1),
    ct.lab.Boundary: lambda: ct.lab.boundary(mlp(), X, Y, points=8),
    ct.lab.Collapse: lambda: ct.lab.collapse(ct.nn.MLP(2, [3], 1, activation="identity").init(0)),
    ct.lab.Descent: lambda: ct.lab.descend("bowl", [ct.optim.SGD(0.1)], steps=3),
    ct.lab.Escape: lambda: ct.lab.escape(steps=5, sizes=(1, "full"), seeds=2),
    ct.lab.Features: lambda: ct.lab.features(cnn(), IMAGES, np.arange(20) % 2),
    ct.lab.Hinges: lambda: ct.lab.hinges(ct.nn.MLP(1, [3], 1).init(0)),
    ct.lab.Landscape: lambda: ct.lab.landscape(mlp(), X, Y, points=5),
    ct.lab.LearningRates: lambda: ct.lab.lr_find(NET, X, Y, steps=30),
    ct.lab.Race: race,
    ct.lab.Scaling: lambda: ct.lab.scaling(X, Y, sizes=[20, 40], seeds=1, models=["logistic regression"]),
    ct.lab.Shuffling: lambda: ct.lab.shuffling(NET, X, Y, epochs=1, runs=1),
    ct.lab.SlicePaths: lambda: ct.lab.trajectory(
        mlp(), X, Y, "cross_entropy", [np.array([mlp(k).theta for k in (0, 1, 2)])], ["a"], points=3),
    ct.lab.Surface: lambda: ct.lab.surface("bowl"),
    Standings: lambda: race().comparison(),
}
PICTURED = {cls for cls in RESULTS if callable(getattr(cls, "plot", None))} | {ct.nn.Module, ct.inspect.NetworkDrawing}
PARTS = {ct.inspect.Recorder}  # public, no result


@pytest.fixture(scope="module")
def made():
    known = {}
    return lambda cls: known[cls] if cls in known else known.setdefault(cls, RESULTS[cls]())


each = pytest.mark.parametrize("cls", RESULTS, ids=lambda cls: cls.__name__)


@pytest.fixture(scope="module")
def bundle(made):
    known = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cutaway.report.notebook, "DPI", 30)  # what is drawn is looked at by other tests
        yield lambda cls: known[cls] if cls in known else known.setdefault(cls, made(cls)._repr_mimebundle_())


def test_every_public_class_of_the_lab_and_of_inspect_is_here():
    public = {getattr(room, name) for room in (ct.lab, ct.inspect) for name in room.__all__}
    assert {one for one in public if inspect.isclass(one)} - RESULTS.keys() == PARTS


@each
def test_no_result_is_an_address(made, bundle, cls):
    result = made(cls)
    assert isinstance(result, cls)
    for text in (repr(result), str(result), *bundle(cls).values()):
        assert text
        assert not re.search(r"<[\w. ]+ (object )?at 0x|&lt;[\w. ]+ at 0x", text)
    assert len(repr(result)) < 1500


@each
def test_plain_text_is_what_print_gives(made, bundle, cls):
    assert bundle(cls)["text/plain"] == str(made(cls))


class Sealed(HTMLParser):
    """Collects what a page would run or fetch, and the elements that are open at its end."""

    def __init__(self, text):
        super().__init__()
        self.bad, self.open, self.images = [], [], []
        self.feed(text)

    def handle_starttag(self, name, attributes):
        if name not in ("img", "br", "meta", "input"):
            self.open.append(name)
        for key, value in attributes:
            if key.startswith("on") or (key in ("src", "href", "action", "data") and not value.startswith("data:")):
                self.bad.append((name, key, value))
        if name in ("script", "iframe", "link", "object", "embed", "form", "base"):
            self.bad.append(name)
        if name == "img":
            self.images.append(dict(attributes))

    def handle_endtag(self, name):
        if name in self.open:
            while self.open.pop() != name:
                pass


def page_in(html):
    """The page inside of the frame that a notebook is given."""
    return unescape(re.search(r'<iframe [^>]*srcdoc="([^"]*)"></iframe>', html)[1])


@each
def test_it_is_sealed_and_closes_what_it_opens(made, bundle, cls):
    result = made(cls)
    page = page_in(result._built() if hasattr(result, "_built") else bundle(cls)["text/html"])
    inside = Sealed(page)
    assert inside.bad == [] and inside.open == []
    assert not re.search(r"@import|url\(|https?://", re.sub(r'src="data:[^"]*"', "", page))


@each
def test_it_is_a_frame_that_may_run_nothing_beside_text_for_where_there_are_no_frames(made, bundle, cls):
    result = made(cls)
    html = result._built() if hasattr(result, "_built") else bundle(cls)["text/html"]
    assert type(html) is str  # marimo takes no subclass
    outside = re.sub(r'srcdoc="[^"]*"', "", html)
    assert re.findall(r"<iframe ([^>]*?)title=", outside) == ['sandbox="" ']  # no script, no form, no origin, no window
    height = int(re.search(r'style="width:100%;height:(\d+)px;border:0;resize:vertical" srcdoc="', html)[1])
    assert 30 <= height <= 880
    text = unescape(re.search(r'<pre class="cutaway-text">(.*?)</pre>', html, re.DOTALL)[1])
    assert text == (str(result) if not hasattr(result, "_built") else str(Built(result)))
    assert Sealed(re.sub("<iframe.*?</iframe>", "", html, flags=re.DOTALL)).bad == []


@each
def test_pictures_are_there_and_say_what_they_are(bundle, cls):
    images = Sealed(page_in(bundle(cls)["text/html"])).images
    assert bool(images) >= any(issubclass(cls, one) for one in PICTURED)
    for image in images:
        kind, _, data = image["src"].partition(";base64,")
        content = base64.b64decode(data, validate=True)
        assert content.startswith({"data:image/png": b"\x89PNG", "data:image/svg+xml": b"<svg"}[kind])
        assert image["alt"].strip()


def test_an_estimator_shows_scikit_learns_diagram_and_what_was_built(made, bundle):
    for cls in (ct.Classifier, ct.sklearn.MLPClassifier):
        html = made(cls)._repr_html_()
        assert html[-500:] == bundle(cls)["text/html"][-500:]  # scikit-learn counts its diagrams
        assert "sk-top-container" in html and "linear 2" in page_in(html)
    assert "reason" in page_in(made(ct.Classifier)._repr_html_())
    forecaster = ct.forecast.Forecaster(2, network="linear", view="series").fit(np.sin(np.arange(40.0)))
    assert "reason" in (page := page_in(forecaster._repr_html_())) and "what is forecast" in page
    unfitted = ct.Classifier((3,))._repr_html_()
    assert "sk-top-container" in unfitted and "<iframe" not in unfitted


def test_a_network_whose_input_is_not_known_shows_its_layers():
    layers = ct.nn.Sequential(ct.nn.ReLU(), ct.nn.Dropout(0.5))
    assert "<pre>Sequential(" in page_in(layers._repr_html_())


def test_names_from_data_are_no_markup():
    import pandas as pd

    frame = pd.DataFrame(X, columns=[HOSTILE, "b"])
    estimator = ct.Classifier((3,), epochs=2).fit(frame, np.where(Y == 1, HOSTILE, "no"))
    shown = [estimator._built(), estimator.design_._repr_html_(),
             ct.inspect.draw(estimator)._repr_html_(), ct.inspect.neuron(estimator, "layer1", 0, frame)._repr_html_(),
             ct.lab.boundary(estimator, frame, points=6)._repr_html_()]
    for html in shown:
        assert Sealed(page_in(html)).bad == [] and "<img src=x" not in html + page_in(html)


# ---- figures ---------------------------------------------------------------------------------------------------------


PLOTTED = sorted((cls for cls in PICTURED if hasattr(cls, "plot")), key=lambda cls: cls.__name__)


@pytest.mark.parametrize("cls", every(4, PLOTTED), ids=lambda cls: cls.__name__)
def test_a_figure_is_its_picture_and_no_word_about_its_size_in_pixels(made, cls):
    figure = made(cls).plot()
    data, about = figure._repr_mimebundle_()
    content = base64.b64decode(data["image/png"])
    width, height = struct.unpack(">II", content[16:24])
    assert abs(width - 1.5 * about["image/png"]["width"]) <= 2 and abs(height - 1.5 * about["image/png"]["height"]) <= 2
    assert data["text/plain"] == repr(figure) and "<" not in repr(figure)


def test_a_figure_is_no_window_of_pyplot_which_would_show_it_a_second_time(made):
    from matplotlib import pyplot

    before = pyplot.get_fignums()
    made(ct.Run).plot()
    made(ct.lab.Descent).plot()
    assert pyplot.get_fignums() == before


def test_a_figure_is_saved_and_copied_like_any_of_matplotlib(made):
    import pickle

    again = pickle.loads(pickle.dumps(made(ct.Run).plot()))
    again.savefig(out := io.BytesIO(), format="png")
    assert out.getvalue().startswith(b"\x89PNG")


def test_the_base_shows_figure_words_and_numbers_of_any_result():
    class Found(Shown):
        def __str__(self):
            return "two & two"

        def to_pandas(self):
            return {"n": np.array([1.5, 2.5])}

    page = page_in(Found()._repr_html_())
    assert "<pre>two &amp; two</pre>" in page and ">1.5</td>" in page

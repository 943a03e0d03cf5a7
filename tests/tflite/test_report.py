"""The report: complete, self-contained, and safe from what files say."""

import html.parser
import json
import sys
import xml.etree.ElementTree

import numpy as np
import pytest
from phone_results import make_document, make_result
from PIL import Image
from small_model import LABELS, make_images

from keras_mobilevit.model_info import ModelInfo
from keras_mobilevit.tflite.flatbuffer import read_model, write_model
from keras_mobilevit.tflite.metadata import append_metadata
from keras_mobilevit.tflite.output_fidelity import Fidelity, fidelity_facts
from keras_mobilevit.tflite.quantization.calibration import calibrate
from keras_mobilevit.tflite.quantization.quantize import quantize
from keras_mobilevit.tflite.quantization.recipes import int8
from keras_mobilevit.tflite.quantization_debugging.tensor_noise import (
    TensorFidelity,
)
from keras_mobilevit.tflite.report.pages import (
    Section,
    to_html,
    to_markdown,
)
from keras_mobilevit.tflite.report.plots import (
    _edges,
    _positions,
    histogram_plot,
    sqnr_plot,
)
from keras_mobilevit.tflite.report.write import write_report
from keras_mobilevit.tflite.runtime import ImageModel

# A file tells it of itself, so it may be hostile too.
FIDELITY = fidelity_facts(
    Fidelity(18.25, 0.875, 20, {"logits": 18.25}),
    threshold=15,
    escalated_layers=("<script>", "stem"),
    before=Fidelity(7.5, 0.5, 20, {"logits": 7.5}),
)
HOSTILE = "<i>$\\x|--><script>"


class Page(html.parser.HTMLParser):
    """What a browser would see of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.links, self.cells = set(), set(), []
        self.feed(text)
        self.cells = [cell.strip() for cell in self.cells]

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.links |= {
            value
            for name, value in attrs
            if name in ("src", "href", "xlink:href")
        }
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_data(self, data):
        if self.cells:
            self.cells[-1] += data


@pytest.fixture(scope="module")
def hostile_files(files, tmp_path_factory):
    """A float and an int8 file with names that are no names."""
    model = read_model(files["float32"].read_bytes())
    for tensor in model.subgraphs[0].tensors:
        name = tensor.name.decode()
        tensor.name = name.replace("head/", f"{HOSTILE}/").encode()
    float_model = write_model(model)
    calibration = calibrate(float_model, np.stack(make_images(3)))
    int8_model = quantize(float_model, int8(), calibration)
    folder = tmp_path_factory.mktemp("hostile")
    paths = []
    for recipe, data in (("float32", float_model), ("int8", int8_model)):
        labels = (HOSTILE, *LABELS[1:])
        paths.append(folder / f"{recipe}.tflite")
        paths[-1].write_bytes(
            append_metadata(
                data,
                ModelInfo(
                    name="net", recipe=recipe, labels=labels, fidelity=FIDELITY
                ),
            )
        )
    return paths


@pytest.mark.slow
def test_report(hostile_files, tmp_path, command, capsys):
    pytest.importorskip("matplotlib")
    float_path, int8_path = hostile_files
    images = make_images(6, seed=6)
    for index, image in enumerate(images):
        path = tmp_path / "data" / LABELS[1 + index % 2] / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    output = tmp_path / "report.html"
    for name, maker in (("a", "Google"), ("b", HOSTILE)):
        results = [
            make_result(path.read_bytes(), samples=samples)
            for path, samples in ((int8_path, [2, 3]), (float_path, [4, 6]))
        ]
        document = make_document(results, manufacturer=maker)
        (tmp_path / f"{name}.json").write_text(json.dumps(document))
    assert not command(
        "report",
        *(int8_path, "--float", float_path, "--data", tmp_path / "data"),
        *("--results", tmp_path / "a.json", tmp_path / "b.json"),
        *("--runs", "2", "-o", output),
    )
    assert str(output) in capsys.readouterr().out

    page = Page(output.read_text())
    assert "svg" in page.tags
    assert not page.tags & {"i", "script", "link", "img", "iframe", "object"}
    assert all(link.startswith("#") for link in page.links)
    # Once as a layer, and among the labels.
    assert page.cells.count(HOSTILE) == 1
    assert ", ".join((HOSTILE, *LABELS[1:])) in page.cells

    def row(title):
        start = page.cells.index(title)
        return page.cells[start + 1 : start + 3]

    told = (
        "int8 against float32 on 20 reserved images: 18.2 dB, 87.5 % agreement;"
        " 7.5 dB without &lt;script&gt;, stem in float"
    )
    assert told in output.read_text()
    assert row("fidelity: threshold_db")[0] == "15"
    assert row("bytes") == [f"{p.stat().st_size:,}" for p in hostile_files]
    for path, cell in zip(hostile_files, row("top-1"), strict=True):
        model = ImageModel(path)
        answers = [int(model.predict(image).argmax()) for image in images]
        right = np.mean([a == 1 + i % 2 for i, a in enumerate(answers)])
        assert cell.startswith(f"{right:.2%} (")
    # Host and phones side by side.
    assert row("file")[0] == "on"
    columns = page.cells[page.cells.index("file") :][:5]
    assert columns[3:] == ["Google Pixel 9", f"{HOSTILE} Pixel 9"]
    # The last cell of a table goes on with the text behind it.
    for told in ("2.50 (2.05 - 2.95)", "5.00 (4.10 - 5.90)"):
        assert sum(cell.startswith(told) for cell in page.cells) == 2
    assert page.cells.count("599/599 in 1") == 4
    assert page.cells.index("stem") < page.cells.index("stage5_block/fusion")

    markdown = (tmp_path / "report.md").read_text()
    assert "| bytes " in markdown
    assert "<" not in markdown
    assert "&lt;i&gt;$\\\\x\\|--&gt;&lt;script&gt;" in markdown


def test_pages():
    sections = [Section("A & B", "Text.", ("x", "y"), [("1", "<2>")], "<svg/>")]
    assert to_markdown("T", sections) == (
        "# T\n\n## A &amp; B\n\nText.\n\n"
        "| x | y         |\n| - | --------- |\n| 1 | &lt;2&gt; |\n"
    )
    page = to_html("T<", sections)
    assert "<title>T&lt;</title>" in page
    assert (
        "<h2>A &amp; B</h2>\n<p>Text.</p>\n<svg/><table>\n"
        "<tr><th>x</th><th>y</th></tr>\n"
        "<tr><td>1</td><td>&lt;2&gt;</td></tr>\n</table>"
    ) in page


@pytest.mark.parametrize(
    "text", ["a\nb", "![x](http://a.b)", "`x`", "a|b", "\\|"]
)
def test_markdown_cells_stay_cells(text):
    page = to_markdown("T", [Section("S", "", ("x",), [(text,)])])
    cell = page.splitlines()[-1].removeprefix("| ").removesuffix(" |")
    for special in ("|", "[", "`"):
        assert cell.count(special) == cell.count(f"\\{special}")
    assert cell.replace("\\", "") == " ".join(text.split()).replace("\\", "")


def test_bins_hold_equally_many_quantized_values():
    """Else rounding alone would make a comb of the histogram."""
    actual = 0.5 * np.arange(-300, 301)
    exact = np.linspace(-200, 155, 1000)
    edges = _edges(exact, actual)
    counts, _ = np.histogram(actual, edges)
    # 355 is 710 steps, in 64 bins at most: 12 steps each.
    assert np.diff(edges) == pytest.approx(6)
    assert set(counts[counts > 0][:-1]) == {12}
    assert edges[0] <= -200 and edges[-1] >= 155
    assert len(_edges(np.zeros(3), np.zeros(3))) >= 2


def test_every_layer_is_one_wide():
    np.testing.assert_allclose(_positions("aab"), [1 / 3, 2 / 3, 1.5])


def test_plots_are_svg_in_the_colours_of_the_page():
    pytest.importorskip("matplotlib")
    infinite = float("inf")
    tensors = [
        TensorFidelity("a/x", "ADD", "a", "int8", 20.0, 30.0, 40.0),
        TensorFidelity("b/x", "ADD", HOSTILE, "float32", -5.0, infinite, 40.0),
    ]
    values = np.linspace(-1, 1, 50)
    for draw in (
        lambda: sqnr_plot(tensors),
        lambda: histogram_plot({HOSTILE: (values, np.round(values, 1))}),
    ):
        svg = draw()
        root = xml.etree.ElementTree.fromstring(svg)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert "script" not in Page(svg).tags
        assert "currentColor" in svg and "#010203" not in svg
        assert draw() == svg


@pytest.mark.slow
def test_a_broken_image_is_left_out(files, tmp_path):
    pytest.importorskip("matplotlib")
    for index, image in enumerate(make_images(3, seed=6)):
        Image.fromarray(image).save(tmp_path / f"{index}.png")
    (tmp_path / "1.jpg").write_bytes(b"\xff\xd8\xff cut off")
    pair = (files["int8"], files["float32"])
    output = tmp_path / "report.html"
    with pytest.warns(UserWarning, match="Skipped 1 picture .*1.jpg"):
        write_report(output, *pair, images=tmp_path, runs=2)
    assert "On 3 pictures" in output.read_text()


def test_errors_write_nothing(files, tmp_path, monkeypatch, command, capsys):
    pair = (files["int8"], files["float32"])
    with pytest.raises(ValueError, match="must end in .html"):
        write_report(tmp_path / "a.md", *pair, data=tmp_path)
    with pytest.raises(ValueError, match="needs pictures"):
        write_report(tmp_path / "a.html", *pair)
    with pytest.raises(ValueError, match="`limit`"):
        write_report(tmp_path / "a.html", *pair, data=tmp_path, limit=0)
    results = tmp_path.parent / "results.json"
    document = make_document([make_result(b"another", file="x.tflite")])
    results.write_text(json.dumps(document))
    with pytest.raises(ValueError, match="Received: results of x.tflite"):
        write_report(
            *(tmp_path / "a.html", *pair), data=tmp_path, results=[results]
        )
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert command(
        "report",
        *(pair[0], "--float", pair[1], "--images", tmp_path),
        *("-o", tmp_path / "a.html"),
    )
    error = capsys.readouterr().err
    assert error.startswith("error: matplotlib is missing")
    assert "keras-mobilevit[report]" in error
    assert list(tmp_path.iterdir()) == []

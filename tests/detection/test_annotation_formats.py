"""Boxes of Pascal VOC, YOLO and CSV files, against their specifications."""

import json
import re
import tarfile

import numpy as np
import pytest
from PIL import Image

from keras_mobilevit.detection import read_annotations
from keras_mobilevit.detection.annotation_formats import pascal_voc
from keras_mobilevit.detection.annotation_formats.class_lists import (
    read_yaml_names,
)
from keras_mobilevit.detection.annotation_formats.load import load_annotations

# 000001 of Pascal VOC 2007.
VOC = """<annotation>
    <folder>VOC2007</folder>
    <filename>000001.jpg</filename>
    <source><database>The VOC2007 Database</database></source>
    <size><width>353</width><height>500</height><depth>3</depth></size>
    <segmented>0</segmented>
    <object>
        <name>dog</name><pose>Left</pose>
        <truncated>1</truncated><difficult>0</difficult>
        <bndbox>
            <xmin>48</xmin><ymin>240</ymin><xmax>195</xmax><ymax>371</ymax>
        </bndbox>
    </object>
    <object>
        <name>person</name>
        <bndbox>
            <xmin>8</xmin><ymin>12</ymin><xmax>352</xmax><ymax>498</ymax>
        </bndbox>
        <part>
            <name>head</name>
            <bndbox>
                <xmin>20</xmin><ymin>20</ymin><xmax>40</xmax><ymax>40</ymax>
            </bndbox>
        </part>
    </object>
</annotation>
"""
# 000000000009 of COCO train2017, as in COCO and as Ultralytics' COCO128 has it.
COCO_BOX = [1.08, 187.69, 611.59, 285.84]
YOLO = "45 0.479492 0.688771 0.955609 0.5955\n"
# The first line of the raccoons of TensorFlow's tutorials.
CSV = """filename,width,height,class,xmin,ymin,xmax,ymax
raccoon-1.jpg,650,417,raccoon,81,88,522,408
"""


@pytest.fixture
def write(tmp_path):
    """Writes files: text, or the size of a picture, (width, height)."""

    def write(**files):
        for name, content in files.items():
            path = tmp_path / name.replace("__", ".").replace("_in_", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, tuple):
                Image.new("L", content).save(path)
            elif isinstance(content, bytes):
                path.write_bytes(content)
            else:
                path.write_text(content, encoding="utf-8")
        return tmp_path

    return write


def boxes(found, index=0):
    return found.images[index].boxes.tolist()


# === Pascal VOC ===


def test_voc(write):
    """Pixels count from 1, and the last ones are inside; heads are parts."""
    folder = write(a_in_000001__xml=VOC, p_in_000001__jpg=(353, 500))
    found = read_annotations(folder / "a", folder / "p")
    assert found.labels == ("background", "dog", "person")
    (image,) = found.images
    assert (image.file_name, image.size) == ("000001.jpg", (500, 353))
    assert boxes(found) == [[47, 239, 195, 371], [7, 11, 352, 498]]
    assert image.labels.tolist() == [1, 2]


def test_a_whole_picture_of_voc(write):
    whole = re.sub("<object>.*</object>", "", VOC, flags=re.S).replace(
        "</annotation>",
        "<object><name>a</name><bndbox><xmin>1</xmin><ymin>1</ymin>"
        "<xmax>353</xmax><ymax>500</ymax></bndbox></object></annotation>",
    )
    folder = write(**{"000001__xml": whole, "000001__jpg": (353, 500)})
    assert boxes(read_annotations(folder)) == [[0, 0, 353, 500]]
    # The file alone, too.
    assert boxes(read_annotations(folder / "000001.xml")) == [[0, 0, 353, 500]]


def test_the_order_of_the_classes_may_be_given(write):
    folder = write(**{"000001__xml": VOC, "000001__jpg": (353, 500)})
    names = ("person", "cat", "dog")
    found = read_annotations(folder, class_names=names)
    assert found.labels == ("background", *names)
    assert found.images[0].labels.tolist() == [3, 1]
    with pytest.raises(ValueError, match="object 2: .* of dog. .*'person'"):
        read_annotations(folder, class_names=("dog",))


@pytest.mark.parametrize(
    "named", ["000001.jpg", "C:\\photos\\000001.jpg", "000001", "other.jpg", ""]
)
def test_what_a_picture_is_called(write, named):
    """By `<filename>`, of any machine, or as the file itself is called."""
    text = VOC.replace("000001.jpg", named)
    folder = write(a_in_000001__xml=text, p_in_000001__png=(353, 500))
    (image,) = read_annotations(folder / "a", folder / "p").images
    assert image.file_name == "000001.png"


def test_voc_without_sizes_and_without_objects(write):
    """The size is then that of the upright picture."""
    text = "<annotation><size><width>0</width></size></annotation>"
    folder = write(a__xml=text)
    image = Image.new("L", (60, 40))
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(folder / "a.jpg", exif=exif)
    (image,) = read_annotations(folder).images
    assert image.size == (60, 40)
    assert image.boxes.shape == (0, 4)


def test_pictures_in_a_tar(write, tmp_path):
    folder = write(a_in_000001__xml=VOC, p_in_000001__jpg=(353, 500))
    with tarfile.open(tmp_path / "p.tar", "w") as tar:
        tar.add(folder / "p" / "000001.jpg", "x/000001.jpg")
    found = read_annotations(folder / "a", tmp_path / "p.tar")
    assert found.images[0].file_name == "x/000001.jpg"


ENTITIES = """<?xml version="1.0"?>
<!DOCTYPE annotation [
 <!ENTITY a "aaaaaaaaaa">
 <!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
]>
<annotation><filename>&b;</filename></annotation>
"""
EXTERNAL = """<!DOCTYPE annotation [<!ENTITY a SYSTEM "file:///etc/passwd">]>
<annotation><filename>&a;</filename></annotation>
"""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (ENTITIES, "declares the entity 'a'"),
        (EXTERNAL, "declares the entity 'a'"),
        ("<a>" * 40 + "</a>" * 40, "nested deeper than 32"),
        (b"\xff\xfe\x00", "is not XML"),
        ("<annotation>", "is not XML"),
        ('<?xml version="1.0" encoding="x-none"?><a/>', "is not XML"),
        ("", "is not XML"),
        ("<annotations/>", "expected <annotation>.* Received: <annotations>"),
        (VOC.replace("bndbox", "robndbox"), "object 1 has no <bndbox>.*<robnd"),
        (VOC.replace("<name>dog</name>", ""), "object 1 has no <name>"),
        (VOC.replace("<xmin>48</xmin>", ""), "object 1 has no <xmin>"),
        (VOC.replace(">48<", ">nan<"), "<xmin> of .* a number.*'nan'"),
        (VOC.replace(">48<", ">left<"), "<xmin> of .* a number.*'left'"),
        (VOC.replace(">48<", ">480<"), "object 1 .*: xmin 480, .* xmax 195"),
        (VOC.replace(">195<", ">1950<"), "353x500. Received: .* right 1950"),
        (VOC.replace(">353<", ">35.3<"), "<width> must be a whole number"),
    ],
)
def test_voc_that_can_not_be(write, text, message):
    folder = write(a__xml=text, **{"000001__jpg": (353, 500)})
    with pytest.raises(ValueError, match=message) as caught:
        read_annotations(folder)
    assert "mistake in the annotations" in str(caught.value)
    assert "a.xml" in str(caught.value)


def test_xml_that_is_too_long(write, monkeypatch):
    monkeypatch.setattr(pascal_voc, "MAX_FILE_BYTES", 100)
    folder = write(**{"000001__xml": VOC, "000001__jpg": (353, 500)})
    with pytest.raises(ValueError, match="at most 100 bytes. Received: "):
        read_annotations(folder)


def test_every_mistake_is_told_at_once(write):
    files = {f"{i}__xml": "<annotation" for i in range(7)}
    folder = write(**files, **{"000001__jpg": (353, 500)})
    with pytest.raises(ValueError) as caught:
        read_annotations(folder)
    assert str(caught.value).startswith("7 mistakes in the annotations")
    assert str(caught.value).count("is not XML") == 5
    assert str(caught.value).endswith(", and more")


def test_pictures_and_annotations_that_lack_each_other(write):
    folder = write(
        a_in_000001__xml=VOC,
        a_in_000002__xml=VOC.replace("000001", "000002"),
        p_in_000001__jpg=(353, 500),
        p_in_000003__jpg=(353, 500),
    )
    with pytest.raises(FileNotFoundError, match=r"lacks 1 of the 2 .*000002"):
        read_annotations(folder / "a", folder / "p")
    (folder / "a" / "000002.xml").unlink()
    with pytest.warns(UserWarning, match="1 of the 2 .* left out: 000003.jpg"):
        found = read_annotations(folder / "a", folder / "p")
    assert len(found.images) == 1


def test_a_picture_has_one_file(write):
    folder = write(
        **{"000001__xml": VOC, "b__xml": VOC, "000001__jpg": (353, 500)}
    )
    with pytest.raises(ValueError, match="b.xml: the picture 000001.jpg is th"):
        read_annotations(folder)


# === YOLO ===


def write_yolo(write, text=YOLO, names=None, **files):
    """Files of a picture, and one of 80 names, or those that are given."""
    if names is None:
        names = {"classes__txt": "\n".join(map(str, range(80)))}
    return write(
        images_in_train_in_9__jpg=(640, 480),
        labels_in_train_in_9__txt=text,
        **names,
        **files,
    )


def read_yolo(folder):
    return read_annotations(
        folder / "labels" / "train", folder / "images" / "train"
    )


def test_yolo(write):
    """The same box as in COCO, by the published text of the same picture."""
    found = read_yolo(write_yolo(write))
    left, top, width, height = COCO_BOX
    np.testing.assert_allclose(
        boxes(found)[0], [left, top, left + width, top + height], atol=1e-3
    )
    assert found.labels[found.images[0].labels[0]] == "45"
    assert found.images[0].size == (480, 640)


def test_polygons_of_yolo(write):
    folder = write_yolo(write, "1 0.5 0.25 0.75 0.5 0.25 0.5")
    found = read_yolo(folder)
    assert boxes(found) == [[160, 120, 480, 240]]


def test_pictures_without_labels_have_no_objects(write):
    folder = write_yolo(write, "\n \n")
    Image.new("L", (30, 20)).save(folder / "images" / "train" / "10.jpg")
    with pytest.warns(UserWarning, match="1 of the 2 .* without objects: 10"):
        found = read_yolo(folder)
    assert [len(image.boxes) for image in found.images] == [0, 0]


def test_broken_pictures_are_told(write):
    folder = write_yolo(write)
    (folder / "images" / "train" / "9.jpg").write_bytes(b"broken")
    with pytest.warns(UserWarning, match="Left out 1 picture .* 9.jpg"):
        assert not read_yolo(folder).images


@pytest.mark.parametrize(
    ("files", "labels"),
    [
        ({"classes__txt": "\ufeffcat\r\nbig dog\r\n\r\n"}, ("cat", "big dog")),
        ({"labels_in_train_in_classes__txt": "cat\ndog"}, ("cat", "dog")),
        ({"obj__names": "cat\ndog\n"}, ("cat", "dog")),
        (
            {"data__yaml": "train: a\nnames:\n- cat\n- 'dog'  # big\nnc: 2\n"},
            ("cat", "dog"),
        ),
        (
            {"data__yaml": 'nc: 2\nnames: ["cat, big", dog]  # two\n'},
            ("cat, big", "dog"),
        ),
        ({"data__yaml": "names: ['cat',\n  'dog',\n]\n"}, ("cat", "dog")),
        ({"data__yaml": "names:\n  1: dog\n  0: cat\n"}, ("cat", "dog")),
        ({"data__yaml": "names: {0: cat, 1: dog}\n"}, ("cat", "dog")),
    ],
)
def test_names_of_yolo(write, files, labels):
    folder = write_yolo(write, "1 0.5 0.5 0.5 0.5", files)
    assert read_yolo(folder).labels == ("background", *labels)


@pytest.mark.parametrize(
    "text",
    [
        *("train: a\n", "names:\n", "names: 5\n", "names: [\n", "names: []"),
        *("names:\n  1: a\n  2: b\n", "names: [a, , b]", "names:\n- \n- a\n"),
        "names: [" + "1: " * 50_000,
    ],
)
def test_yaml_without_names(write, text):
    folder = write(data__yaml=text)
    with pytest.raises(ValueError, match="Expected .*under `names:` in"):
        read_yaml_names(folder / "data.yaml")


def test_classes_without_names(write):
    folder = write_yolo(write, YOLO, names={})
    with pytest.warns(UserWarning, match="46 classes are called by their num"):
        assert read_yolo(folder).labels[1:3] == ("0", "1")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("80 0.5 0.5 0.5 0.5", "line 1: the class .* 0 to 79, .*Received: 80"),
        ("1e18 0.5 0.5 0.5 0.5", "line 1 must begin with the number of a cl"),
        ("-1 0.5 0.5 0.5 0.5", "line 1 must begin with the number of a class"),
        ("\ncat 0.5 0.5 0.5 0.5", "line 2, each word must be a number.*'cat'"),
        ("0.5 0.5 0.5 0.5 0.5", "must begin with the number of a class"),
        ("1 0.5 0.5 0.5", "Received: 4 words"),
        ("1 0.5 0.5 0.5 0.5 0.9", "6 words, such as a confidence"),
        ("1 320 240 100 100", "sides, from 0 to 1. Received: left 270"),
        ("1 0.5 0.5 -0.5 0.5", "must not be less than its left"),
        ("1 0.5 0.5 nan 0.5", "a number. Received: 'nan'"),
        ("1 0.5 0.5 1e999 0.5", "a number. Received: '1e999'"),
        (b"\x80\x81", "not UTF-8 text"),
    ],
)
def test_yolo_that_can_not_be(write, text, message):
    with pytest.raises(ValueError, match=message) as caught:
        read_yolo(write_yolo(write, text))
    assert "9.txt" in str(caught.value)


def test_labels_without_a_picture(write):
    folder = write_yolo(write, labels_in_train_in_10__txt="")
    with pytest.raises(
        FileNotFoundError, match="lacks 1 of the 2.* 10 .10.txt"
    ):
        read_yolo(folder)


# === CSV ===


def test_csv(write):
    folder = write(b__csv=CSV, p_in_a__png=(9, 9))
    Image.new("L", (650, 417)).save(folder / "p" / "raccoon-1.jpg")
    found = read_annotations(folder / "b.csv", folder / "p")
    assert found.labels == ("background", "raccoon")
    (image,) = found.images
    assert (image.file_name, image.size) == ("raccoon-1.jpg", (417, 650))
    assert boxes(found) == [[81, 88, 522, 408]]


@pytest.mark.parametrize(
    "text",
    [
        "image,xmin,ymin,xmax,ymax,label\na.png,1,2,31,42,b",  # VoTT
        "Image Path;Class Name;X1;Y1;X2;Y2\r\n/d/a.png;b;1;2;31;42\r\n",
        "filename\tclass\tx_min\ty_min\tx_max\ty_max\na\tb\t1\t2\t31\t42",
        "label_name,bbox_x,bbox_y,bbox_width,bbox_height,image_name,"
        "image_width,image_height\nb,1,2,30,40,a.png,100,50",  # makesense.ai
        "b,1,2,30,40,a.png,100,50",  # the same of some years ago
        "/data/imgs/a.png,1,2,31,42,b",  # keras-retinanet
        '\ufeffclass,x,y,w,h,file\n"b",1,2,30,40,"a.png"\n\n',
    ],
)
def test_headers_of_csv(write, text):
    folder = write(b__csv=text, a__png=(100, 50))
    found = read_annotations(folder)
    assert found.labels == ("background", "b")
    assert (found.images[0].file_name, boxes(found)) == (
        "a.png",
        [[1, 2, 31, 42]],
    )


def test_pictures_of_a_csv_without_objects(write):
    """The example of keras-retinanet's documentation."""
    lines = (
        "/data/imgs/img_001.jpg,837,346,981,456,cow\n"
        "/data/imgs/img_002.jpg,215,312,279,391,cat\n"
        "/data/imgs/img_002.jpg,22,5,89,84,bird\n"
        "/data/imgs/img_003.jpg,,,,,\n"
    )
    files = {f"img_00{i}__jpg": (1000, 500) for i in (1, 2, 3)}
    found = read_annotations(write(a__csv=lines, **files))
    assert found.labels == ("background", "bird", "cat", "cow")
    assert [len(image.boxes) for image in found.images] == [1, 2, 0]
    assert boxes(found) == [[837, 346, 981, 456]]


HEADER = "file,class,xmin,ymin,xmax,ymax\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty. Expected a line a box"),
        ("a,b,c\n1,2,3\n", "Received: a,b,c, which lacks picture, label, left"),
        ("file,class,xmin,ymin\n", "lacks right, bottom"),
        (HEADER + "a.png,b,1,2,3\n", "line 2: it must have 6 columns.*: 5"),
        (HEADER + "a.png,b,1,2,3,x\n", "line 2: the bottom must be a number"),
        (HEADER + "a.png,,1,2,3,4\n", "line 2: it has no class"),
        (HEADER + ",b,1,2,3,4\n", "line 2: it names no picture"),
        (HEADER + "a.png,b,9,2,3,4\n", "line 2: .*Received: left 9, .*right 3"),
        (HEADER + "a.png,b,1,2,300,4\n", "line 2: the centre .*100x50"),
        (HEADER + "a.png,b,0.1,0.2,0.3,0.4", "in pixels. Received: none above"),
        (HEADER + '"' + 200_000 * "a", "is not a CSV file .*limit"),
        (b"\x00\xff", "is not UTF-8 text"),
    ],
)
def test_csv_that_can_not_be(write, text, message):
    folder = write(b__csv=text, a__png=(100, 50))
    with pytest.raises(ValueError, match=message) as caught:
        read_annotations(folder / "b.csv")
    assert "b.csv" in str(caught.value)


def test_a_name_that_could_be_two_pictures(write):
    folder = write(
        b__csv=HEADER + "a.png,b,1,2,3,4",
        p_in_x_in_a__png=(9, 9),
        p_in_y_in_a__png=(9, 9),
    )
    with pytest.raises(ValueError, match="could be x/a.png or y/a.png"):
        read_annotations(folder / "b.csv", folder / "p")


# === Which format it is ===


def test_a_folder_of_one_file(write):
    """Such as `_annotations.coco.json` beside the pictures."""
    content = {"images": [], "annotations": [], "categories": []}
    folder = write(_annotations__coco__json=json.dumps(content), a__png=(9, 9))
    assert load_annotations(folder) == content


def test_the_content_shows_the_format(write):
    folder = write(
        **{"one__dat": VOC, "000001__jpg": (353, 500)},
        two__dat='\n {"images": [], "annotations": [], "categories": []}',
        three__dat="000001.jpg,1,2,31,42,b",
    )
    found = [read_annotations(folder / f"{n}.dat") for n in ("one", "two")]
    assert [len(annotations.images) for annotations in found] == [1, 0]
    assert boxes(read_annotations(folder / "three.dat")) == [[1, 2, 31, 42]]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "Received: none of these"),
        ({"a__xml": VOC, "a__txt": YOLO}, "Received: 1 .xml, 1 .txt"),
        ({"a__json": "{}", "b__json": "{}"}, "Received: 2 files, a.json, b.js"),
    ],
)
def test_folders_of_no_format(write, files, message):
    folder = write(a__png=(9, 9), **files)
    with pytest.raises(ValueError, match=message):
        read_annotations(folder)


def test_hidden_files_and_lists_of_classes_are_no_annotations(write):
    folder = write(
        **{"000001__xml": VOC, "000001__jpg": (353, 500)},
        classes__txt="dog\nperson\n",
        README__dataset__txt="",
    )
    (folder / "._000001.xml").write_bytes(b"\0")
    (folder / ".ipynb_checkpoints").mkdir()
    (folder / ".ipynb_checkpoints" / "a-checkpoint.xml").write_text(VOC)
    assert len(read_annotations(folder).images) == 1

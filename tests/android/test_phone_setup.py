"""No phone, no app, no storage: the driver says what is missing."""

import json
import pathlib

import jsonschema
import pytest
from command_output import is_told
from fake_phone import APP_RUN, SERIAL

from keras_mobilevit.tflite.benchmarks.results import load_schema

# === No phone to measure on ===


def test_no_adb(phone, measure, monkeypatch):
    monkeypatch.setenv("PATH", str(phone.folder / "none"))
    assert is_told(
        *measure(*APP_RUN), "There is no program 'adb' on PATH", "apt install"
    )


def test_the_serial_of_the_environment(phone, measure, monkeypatch):
    """As adb has it; an option counts more."""
    monkeypatch.setenv("ANDROID_SERIAL", "R5CT")
    assert is_told(*measure(*APP_RUN), "no phone with the serial number 'R5CT'")
    assert measure(*APP_RUN, "--serial", SERIAL)[0] == 0


LIST = "List of devices attached\n"


@pytest.mark.parametrize(
    ("listed", "options", "told"),
    [
        ("", (), ["No phone is connected", "USB debugging"]),
        (
            f"{SERIAL}  unauthorized usb:1-2 transport_id:3\n",
            (),
            ["has not authorized this computer", "Allow USB debugging?"],
        ),
        (f"{SERIAL}  offline usb:1-2\n", (), ["does not answer adb"]),
        (
            f"{SERIAL}  no permissions (missing udev rules? user is in the "
            "plugdev group); see [http://developer.android.com]\n",
            (),
            ["no permissions", "is not ready"],
        ),
        (
            f"{SERIAL}  device product:tokay model:Pixel_9 device:tokay\n"
            "emulator-5554  device product:sdk model:sdk_gphone64_arm64\n",
            (),
            [
                "2 phones are connected: choose one with --serial",
                f"{SERIAL} (Pixel 9), emulator-5554 (sdk gphone64 arm64)",
            ],
        ),
        (
            f"{SERIAL}  device model:Pixel_9\n",
            ("--serial", "R5CT"),
            ["no phone with the serial number 'R5CT'", f"{SERIAL} (Pixel 9)"],
        ),
        (
            f"{SERIAL}  device model:Pixel_9\nR5CT  offline\n",
            ("--serial", "R5CT"),
            ["does not answer adb"],
        ),
    ],
)
def test_devices(phone, measure, listed, options, told):
    phone.fault("^devices", stdout=LIST + listed, code=0)
    assert is_told(*measure(*APP_RUN, *options), *told)
    assert phone.calls() == ["devices -l"]


def test_what_is_not_ready_is_not_chosen(phone, measure):
    phone.fault(
        "^devices",
        stdout=f"{LIST}R5CT  offline\n{SERIAL}  device model:Pixel_9\n",
        code=0,
    )
    status, _, _ = measure(*APP_RUN)
    assert status == 0


def test_the_server_of_adb_does_not_start(phone, measure):
    phone.fault(
        "^devices",
        stderr="* daemon not running; starting now at tcp:5037\n"
        "adb: failed to check server version: cannot connect to daemon\n",
    )
    assert is_told(*measure(*APP_RUN), "server of adb can not be started")


# === The app is not there ===


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (
            "INSTALL_FAILED_UPDATE_INCOMPATIBLE: Existing package "
            "org.kerasmobilevit.benchmark signatures do not match newer "
            "version; ignoring!",
            [
                "signed by somebody else's key",
                f"adb -s {SERIAL} uninstall org.keras",
            ],
        ),
        (
            "INSTALL_FAILED_INSUFFICIENT_STORAGE: Failed to override "
            "installation location",
            ["not enough storage"],
        ),
        ("INSTALL_FAILED_VERSION_DOWNGRADE", ["newer than the APK"]),
        ("INSTALL_FAILED_OLDER_SDK", ["Android is too old"]),
        ("INSTALL_FAILED_NO_MATCHING_ABIS", ["64-bit"]),
        ("INSTALL_PARSE_FAILED_NO_CERTIFICATES", ["not signed"]),
        ("INSTALL_FAILED_USER_RESTRICTED", ["Install via USB"]),
        (
            "INSTALL_FAILED_VERIFICATION_FAILURE",
            ["failed with exit status 1", "INSTALL_FAILED_VERIFICATION"],
        ),
    ],
)
def test_installation_fails(phone, measure, failure, told):
    phone.fault(
        " install ",
        stdout="Performing Streamed Install\n",
        stderr=f"adb: failed to install app.apk: Failure [{failure}]\n",
    )
    assert is_told(*measure(*APP_RUN), *told)
    assert phone.is_clean()
    assert not phone.calls("am instrument")


def test_no_app(phone, measure):
    run = [word for word in APP_RUN if word not in ("--apk", "app.apk")]
    assert is_told(
        *measure(*run), "is not on the phone", "--apk", "benchmark_model"
    )
    assert phone.is_clean()


def test_an_app_that_is_too_old(phone, measure):
    phone.fault(
        "pm path",
        stdout="package:/data/app/base.apk\n    versionName=0.1.9\n",
        code=0,
    )
    assert is_told(
        *measure(*APP_RUN), "too old: expected 0.2.0 or newer. Received: 0.1.9"
    )
    assert phone.is_clean()


def test_an_app_without_the_instrumentation(phone, measure):
    phone.fault(
        "am instrument",
        stdout="INSTRUMENTATION_STATUS: Error=Unable to find instrumentation "
        "info for: ComponentInfo{org.kerasmobilevit.benchmark/org."
        "kerasmobilevit.benchmark.BenchmarkInstrumentation}\n"
        "INSTRUMENTATION_STATUS: id=ActivityManagerService\n"
        "INSTRUMENTATION_STATUS_CODE: -1\n",
        stderr="android.util.AndroidException: INSTRUMENTATION_FAILED: "
        "org.kerasmobilevit.benchmark/.BenchmarkInstrumentation\n",
    )
    assert is_told(
        *measure(*APP_RUN), "does not fit this package", "Unable to find"
    )
    assert phone.is_clean()


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("none.apk", None, "There is no APK at none.apk"),
        ("text.apk", b"<html>", "text.apk is no APK"),
    ],
)
def test_no_apk(phone, measure, name, data, told):
    if data is not None:
        pathlib.Path(name).write_bytes(data)
    assert is_told(*measure(*APP_RUN, "--apk", name), told)
    assert phone.is_clean()


# === Files ===


def test_a_file_that_is_none(phone, measure):
    pathlib.Path("a.tflite").write_bytes(b"<html></html>")
    for name, told in (
        ("a.tflite", "is no .tflite file: expected TFL3"),
        ("missing.tflite", "There is no .tflite file at missing.tflite"),
    ):
        assert is_told(*measure(name, "--android"), told)
    assert phone.calls() == []


def test_a_name_that_is_no_text(phone, measure):
    name = "int8\n\x1b\udcff.tflite"
    pathlib.Path("int8.tflite").rename(name)
    phone.fault(" push 'int8", code=0)
    run = [name if word == "int8.tflite" else word for word in APP_RUN]
    status, out, _ = measure(*run, "-o", "phone.json")
    assert status == 0 and "| int8???.tflite " in out
    document = json.loads(pathlib.Path("phone.json").read_text())
    jsonschema.Draft202012Validator(load_schema()).validate(document)


def test_no_storage(phone, measure):
    phone.fault(
        " push int8",
        stderr="adb: error: failed to copy 'int8.tflite' to "
        "'/data/local/tmp/keras_mobilevit/x.tflite': remote No space left on "
        "device\n",
    )
    assert is_told(*measure(*APP_RUN), "not enough storage on the phone")
    # A copy that was cut off is removed too.
    assert phone.is_clean()


def test_a_file_is_damaged_on_its_way(phone, measure):
    phone.fault("sha1sum. /data/local", stdout=f"{'0' * 64}  /x\n", code=0)
    assert is_told(*measure(*APP_RUN), "float32.tflite was damaged on its way")
    assert phone.is_clean()

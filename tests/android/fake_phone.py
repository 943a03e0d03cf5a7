"""A phone that is a transcript: what it plays, and what it was asked for."""

import json
import pathlib

import fake_adb

TRANSCRIPTS = pathlib.Path(__file__).parent / "transcripts"
SERIAL = "4C021FDAQ000FP"
# What the transcripts were made of.
APP_RUN = (
    *("float32.tflite", "int8.tflite", "--android", "--apk", "app.apk"),
    *("--threads", "4", "--runs", "30", "--warmup", "2", "--repeats", "2"),
)
PROGRAM_RUN = (
    *("int8.tflite", "--android", "--android-tool", "benchmark_model"),
    *("--benchmark-model", "benchmark_model", "--accelerator", "cpu,gpu"),
    *("--runs", "50", "--warmup", "5", "--repeats", "1", "--taskset", "f0"),
)

SCREEN_RESTORED = "settings put global stay_on_while_plugged_in 0; rm -f"


class Phone:
    """What the fake adb plays, and what it was asked for.

    Attributes:
        folder: The only one on PATH; `adb` is in it.
        transcript: Name of the transcript, without its ending.
    """

    def __init__(self, folder):
        self.folder = folder
        self.faults = []
        self.play("app")

    def play(self, transcript):
        self.transcript = TRANSCRIPTS / f"{transcript}.txt"
        self._write()

    def fault(self, match, stdout="", stderr="", code=1, after=0, **other):
        """Answers calls of a pattern, but for the first ones, otherwise."""
        answer = {"stdout": stdout, "stderr": stderr, "code": code, **other}
        self.faults.append({"match": match, "after": after, **answer})
        self._write()

    def answer(self, match):
        """The first answer that the transcript has for a pattern."""
        for arguments, answer in fake_adb.read_transcript(self.transcript):
            if match in " ".join(arguments):
                return answer["stdout"]
        raise LookupError(match)

    def calls(self, match=""):
        path = self.folder / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        texts = [" ".join(json.loads(line)) for line in lines]
        return [text for text in texts if match in text]

    def is_clean(self):
        """Whether all that was pushed was removed, and the screen restored."""
        pushed = {call.split()[-1] for call in self.calls(" push ")}
        removed, marked = set(), set()
        for call in self.calls("shell rm -f /data/local"):
            *_, path, marker = call.split()
            removed.add(path)
            marked.add(marker)
        assert marked == {f"{path}.temporary" for path in removed}
        return pushed <= removed and (
            len(self.calls(SCREEN_RESTORED))
            == len(self.calls("svc power stayon true"))
        )

    def _write(self):
        scenario = {"transcript": str(self.transcript), "faults": self.faults}
        (self.folder / "scenario.json").write_text(json.dumps(scenario))

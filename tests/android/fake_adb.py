"""Plays `adb`: replays a transcript, with faults, and logs its calls.

A copy of it is the program `adb` of the tests. Beside it lie `scenario.json`,
with the path of a transcript and a list of faults, and what it writes: `calls`,
a line of JSON a call, and `gone`, once the phone was unplugged.

Each call gives what the transcript has for it; a repeated one the next answer,
and in the end the last one again.
"""

import json
import os
import re
import shlex
import sys
import time

FOLDER = os.path.dirname(os.path.abspath(__file__))
GONE = os.path.join(FOLDER, "gone")
CALLS = os.path.join(FOLDER, "calls")


def main(arguments):
    with open(os.path.join(FOLDER, "scenario.json")) as file:
        scenario = json.load(file)
    earlier = read_calls().count(arguments)
    with open(CALLS, "a") as file:
        file.write(json.dumps(arguments) + "\n")
    line = shlex.join(arguments)
    if os.path.exists(GONE):
        sys.stderr.write("error: device '4C021FDAQ000FP' not found\n")
        return 1
    for fault in scenario["faults"]:
        if re.search(fault["match"], line) and earlier >= fault["after"]:
            return play(fault)
    answers = [
        answer
        for command, answer in read_transcript(scenario["transcript"])
        if command == arguments
    ]
    if not answers:
        sys.stderr.write(f"the transcript has no answer for: {line}\n")
        return 99
    return play(answers[min(earlier, len(answers) - 1)])


def play(answer):
    sys.stdout.write(answer["stdout"])
    sys.stdout.flush()
    sys.stderr.write(answer["stderr"])
    sys.stderr.flush()
    if answer.get("makes"):
        os.makedirs(answer["makes"], exist_ok=True)
    if answer.get("unplugged"):
        open(GONE, "w").close()
    time.sleep(answer.get("sleep", 0))
    return answer["code"]


def read_calls():
    if not os.path.exists(CALLS):
        return []
    with open(CALLS) as file:
        return [json.loads(line) for line in file]


def read_transcript(path):
    """Pairs of arguments and answer.

    Lines are `$ adb ARGUMENTS`, then its output; `2>` begins a line of
    standard error, `?` the exit status, `#` at the beginning a comment.
    """
    found = []
    with open(path) as file:
        for line in file:
            if line.startswith("$ adb "):
                answer = {"stdout": "", "stderr": "", "code": 0}
                found.append((shlex.split(line)[2:], answer))
            elif not found:
                assert line.startswith("#") or not line.strip()
            elif line.startswith("2> "):
                answer["stderr"] += line[3:]
            elif line.startswith("? "):
                answer["code"] = int(line[2:])
            else:
                answer["stdout"] += line
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Gradle's files as Kotlin that Android's plugin can be compiled against.

Gradle itself is not needed: the blocks of `app/build.gradle.kts` that Android's
plugin defines become functions, so that a misspelt property is an error.
"""

from __future__ import annotations

import re

from host.folders import ANDROID, BUILD
from host.steps import BuildError

_RECEIVERS = {
    "android": "com.android.build.api.dsl.ApplicationExtension",
    "androidComponents": (
        "com.android.build.api.variant.ApplicationAndroidComponentsExtension"
    ),
}


def write_gradle_dsl() -> None:
    """Writes the source of the module `checks`.

    Raises:
        BuildError: If a block is missing.
    """
    text = (ANDROID / "app" / "build.gradle.kts").read_text()
    # Accessors that Gradle generates from the version catalogue, all texts.
    text = re.sub(
        r"libs\s*\.versions(\s*\.\w+(\(\))?)+?\s*\.get\(\)", '"1"', text
    )
    imports = re.findall(r"^import .*\n", text, re.M)
    functions = []
    for name, receiver in _RECEIVERS.items():
        block = re.search(rf"^{name} {{\n(.*?)^}}", text, re.S | re.M)
        if block is None:
            raise BuildError(f"app/build.gradle.kts has no block {name}.")
        functions.append(
            f"fun Project.{name}Block(extension: {receiver}) {{\n"
            f"    extension.run {{\n{block[1]}    }}\n}}\n"
        )
    folder = BUILD / "gradle-dsl"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Blocks.kt").write_text(
        "import org.gradle.api.JavaVersion\nimport org.gradle.api.Project\n"
        + "".join(imports)
        + "\n"
        + "\n".join(functions)
    )

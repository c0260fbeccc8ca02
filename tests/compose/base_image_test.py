"""What compose/base-image prints, with a `docker` that is a script. Needs no
Docker."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "compose"
IMAGE = "debian:bookworm-slim"
DIGEST = "debian@sha256:" + "0123456789abcdef" * 4

# Images are files in $STORE: the digest, or nothing for one that was imported.
# An import asks for the label that tells the two apart.
DOCKER = """#!/bin/sh
case "$1 $2" in
  "image inspect")
    [ -e "$STORE/image" ] || exit 1
    case "$3" in --format) [ -e "$STORE/labelled" ] || cat "$STORE/image" ;; esac
    ;;
  "pull --quiet")
    [ -n "$REGISTRY" ] || exit 1
    echo "$REGISTRY" >"$STORE/image"
    ;;
  "import --change")
    cat >/dev/null
    case "$*" in *"LABEL status2.debootstrap=1"*) : >"$STORE/labelled" ;; esac
    # The containerd store gives every image a digest.
    echo "debian@sha256:made-here" >"$STORE/image"
    ;;
  *) exit 2 ;;
esac
"""
DEBOOTSTRAP = """#!/bin/sh
mkdir -p "$3/etc/apt" "$3/var/cache/apt/archives" "$3/var/lib/apt/lists"
"""


class BaseImage(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="status2-base-image-")
        self.addCleanup(folder.cleanup)
        self.store = pathlib.Path(folder.name)
        tools = self.store / "bin"
        tools.mkdir()
        # Building needs root, which the test may not be.
        for name, text in (("docker", DOCKER), ("debootstrap", DEBOOTSTRAP),
                           ("id", "#!/bin/sh\necho 0\n")):
            (tools / name).write_text(text, encoding="utf-8")
            (tools / name).chmod(0o755)
        self.path = f"{tools}:{os.environ['PATH']}"

    def printed(self, registry: str = "") -> str:
        environment = dict(os.environ, PATH=self.path, STORE=str(self.store),
                           REGISTRY=registry, TMPDIR=str(self.store))
        done = subprocess.run([COMPOSE / "base-image"], env=environment,
                              capture_output=True, text=True, timeout=30,
                              check=True)
        return done.stdout

    def test_a_pulled_image_is_named_by_its_digest(self) -> None:
        self.assertEqual(self.printed(DIGEST), DIGEST + "\n")
        # Also later, when no registry answers.
        self.assertEqual(self.printed(), DIGEST + "\n")

    def test_an_image_made_here_is_named_by_its_tag(self) -> None:
        self.assertEqual(self.printed(), IMAGE + "\n")
        self.assertEqual(self.printed(), IMAGE + "\n")

    def test_an_image_without_a_digest_is_named_by_its_tag(self) -> None:
        (self.store / "image").write_text("\n", encoding="utf-8")
        self.assertEqual(self.printed(), IMAGE + "\n")


class Images(unittest.TestCase):
    def test_every_image_is_built_from_what_wctl_passes(self) -> None:
        files = [COMPOSE / "Dockerfile", *COMPOSE.glob("*/Dockerfile")]
        self.assertGreater(len(files), 4)
        for file in files:
            text = file.read_text(encoding="utf-8")
            with self.subTest(file.parent.name):
                self.assertIn(f"ARG STATUS2_BASE={IMAGE}\n", text)
                self.assertIn("FROM ${STATUS2_BASE}", text)
                self.assertNotRegex(text, r"FROM debian")

    def test_every_build_passes_it_on(self) -> None:
        builds = passed = 0
        for file in COMPOSE.glob("*.yml"):
            text = file.read_text(encoding="utf-8")
            builds += len(re.findall(r"^ +build:", text, re.MULTILINE))
            passed += text.count("STATUS2_BASE:-" + IMAGE)
        self.assertGreater(builds, 4)
        self.assertEqual(passed, builds)


if __name__ == "__main__":
    unittest.main()

"""The journal: whole, cut, and without secrets."""

from __future__ import annotations

import base64
import json
import unittest

from support import FolderTest, Redactor, drill, run

from drills.journal import OUTPUT_LIMIT, Journal
from drills.redaction import MASK

SECRET = 'pa"ss/wörd'


class Writing(FolderTest):
    def written(self, act, redactor: Redactor | None = None) -> list[dict]:
        file = self.folder / "journal.jsonl"
        journal = Journal(file, redactor or Redactor())
        act(journal)
        journal.close()
        return [json.loads(line) for line in file.read_text().splitlines()]

    def test_an_activity_has_a_beginning_and_an_end(self) -> None:
        def act(journal: Journal) -> None:
            with journal.activity("say", ["echo", "x"]) as entry:
                entry.exit_code, entry.output = 0, "x\n"

        begun, ended = self.written(act)
        self.assertEqual((begun["state"], ended["state"]), ("begun", "ended"))
        self.assertEqual(begun["number"], ended["number"])
        self.assertEqual(ended["command"], ["echo", "x"])
        self.assertEqual((ended["exit_code"], ended["output"]), (0, "x\n"))
        for key in ("start", "end"):
            self.assertRegex(ended[key], r"^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3}Z$")

    def test_an_exception_is_noted(self) -> None:
        def act(journal: Journal) -> None:
            with self.assertRaises(ValueError), journal.activity("say"):
                raise ValueError("no")

        self.assertEqual(self.written(act)[1]["error"], "ValueError: no")

    def test_long_output_is_cut_after_it_was_redacted(self) -> None:
        redactor = Redactor()
        redactor.add("hidden")
        # The cut would go through a secret.
        text = "hidden" * OUTPUT_LIMIT

        def act(journal: Journal) -> None:
            with journal.activity("say") as entry:
                entry.output = text

        output = self.written(act, redactor)[1]["output"]
        self.assertLess(len(output), OUTPUT_LIMIT + 100)
        self.assertIn("characters cut", output)
        self.assertNotIn("hid", output)


class Secrets(FolderTest):
    def test_a_secret_is_in_no_file_of_the_results(self) -> None:
        file = self.folder / "password"
        file.write_text(SECRET + "\n")
        forms = [SECRET, json.dumps(SECRET), base64.b64encode(SECRET.encode()).decode(),
                 "pa%22ss%2Fw%C3%B6rd"]  # fmt: skip

        def prepare(context) -> None:
            context.secret(file)
            context.run("say", ["echo", *forms])
            context.start("daemon", ["echo", *forms]).wait(5)
            raise ValueError(SECRET)

        redactor = Redactor()
        result = run(drill(prepare=prepare), self.folder, redactor)
        self.assertIn(SECRET, result.failure)  # reports are redacted as a whole
        self.assertEqual(redactor.clean({"why": [result.failure]}),
                         {"why": [f"ValueError: {MASK}"]})  # fmt: skip
        written = "".join(
            f.read_text() for f in self.folder.rglob("*") if f.suffix in (".jsonl", ".log")
        )
        self.assertIn(MASK, written)
        for form in ("ss/w", "ss%2Fw", forms[2].rstrip("=")):
            with self.subTest(form=form):
                self.assertNotIn(form, written)

    def test_a_secret_that_cannot_be_read_stops_the_drill(self) -> None:
        with self.assertRaises(OSError):
            Redactor([self.folder / "nothing"])


if __name__ == "__main__":
    unittest.main()

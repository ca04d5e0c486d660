"""The page in a headless browser: page.mjs, asked line by line."""
import json
import os
import subprocess

from programs import ROOT, DemoError


class Page:
    def __init__(self):
        script = os.path.join(ROOT, "tests", "demo", "page.mjs")
        self.process = subprocess.Popen(["node", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.answer()

    def ask(self, *words):
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()
        return self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise DemoError(f"the browser gave up (exit code {self.process.wait()})")
        answer = json.loads(line)
        if answer.get("troubles"):
            raise DemoError("the page reports errors: " + "; ".join(answer["troubles"]))
        return answer

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=10)

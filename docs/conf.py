"""Sphinx's configuration: `./dev docs` builds build/docs from the Markdown here.

Pages are CommonMark with MyST's directives, so that they can be read in the repository as well. What programs say of
themselves is asked of them when the site is built (the directives below), and so is never out of date.
"""
import os
import re
import subprocess
import sys

from docutils import nodes
from docutils.parsers.rst import Directive
from pygments.lexers import PythonLexer

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
HRVIEW = os.path.join(ROOT, "build", "bin", "hrview")

project = "heartrate_shm"
author = "the heartrate_shm maintainers"
copyright = "the heartrate_shm maintainers, MIT licence"
with open(os.path.join(ROOT, "pyproject.toml"), encoding="utf-8") as settings:
    version = release = re.search(r'(?m)^version = "(.+)"', settings.read()).group(1)

extensions = ["myst_parser"]
myst_enable_extensions = ["fieldlist"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = f"heartrate_shm {version}"
html_extra_path = ["grafana.json"]
exclude_patterns = ["man"]


def said_by(*words):
    env = {**os.environ, "PYTHONPATH": os.path.join(ROOT, "build", "python")}
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True, env=env).stdout


class Commands(Directive):
    """What `hrview --help` says, and each command that it names, a section each."""

    def run(self):
        usage = said_by(HRVIEW, "--help")
        names = re.findall(r"(?m)^  (\w+)  ", usage.partition("\nCommands")[2].partition("\n\n")[0])
        return [self.section("hrview", usage)] + [
            self.section(f"hrview {name}", said_by(HRVIEW, name, "--help")) for name in names]

    def section(self, title, text):
        section = nodes.section(ids=[nodes.make_id(title)], names=[title])
        section += [nodes.title(title, "", nodes.literal(title, title)), nodes.literal_block(text, text, language="text")]
        self.state.document.note_implicit_target(section, section)
        return section


class ModuleHelp(Directive):
    """What `python -m heartrate_shm --help` says."""

    def run(self):
        text = said_by(sys.executable, "-m", "heartrate_shm", "--help")
        return [nodes.literal_block(text, text, language="text")]


def setup(app):
    app.add_directive("hrview-help", Commands)
    app.add_directive("module-help", ModuleHelp)
    app.add_lexer("ipython", PythonLexer)

"""film.py FILE.gif — `./dev docs --film`: twenty seconds of the real page, watching the demo's program, as a picture that moves.

What one frame has as the one before is left out of it, and all share one palette, so that the file stays small. Needs Pillow.
"""
import os
import sys
import tempfile

from browser import Page
from PIL import Image
from programs import DEMO, end, python, start_viewer

# What is shown, a file and a line, or a key pressed; for how many seconds.
SCENES = [
    (("show", "lexer.py", 42), 0),
    (("press", "t"), 0),
    (("press", "t"), 0),  # from the system's theme over the light to the dark one
    (("show", "lexer.py", 42), 6),
    (("show", "mandelbrot.py", 50), 5),
    (("show", "go.py", 60), 4),
    (("press", "h"), 1),
    (("press", "i"), 4),
]
COLOURS = 255  # a GIF has 256, and one is for what stays as it was
FIRST_MS = 1000  # left out: the page still finds its place
BYTES_MAX = 1_500_000
STILL_MS = 800  # at most: what is not filmed between the scenes is left out


def shoot(folder):
    """Screenshots into `folder`, by the time in milliseconds."""
    program = python(DEMO)
    viewer = page = None
    try:
        viewer, url = start_viewer(program, "--port", "0")
        page = Page()
        page.ask("open", url)
        for (what, *words), seconds in SCENES:
            if what == "show":
                words[0] = os.path.join(os.path.dirname(DEMO), words[0])
            page.ask(what, *words)
            if seconds:
                page.ask("film", folder, seconds)
    finally:
        if page:
            page.close()
        for process in filter(None, (viewer, program)):
            end(process)


def apart(times, apart_ms):
    """Those of the times that leave so much between them."""
    kept = times[:1]
    for time in times:
        if time >= kept[-1] + apart_ms:
            kept.append(time)
    return kept


def cut(folder, path, apart_ms):
    """Makes one file of the screenshots; how large it is."""
    times = sorted(int(name.partition(".")[0]) for name in os.listdir(folder))
    times = apart([time for time in times if time >= times[0] + FIRST_MS], apart_ms)
    pictures = [Image.open(os.path.join(folder, "%d.png" % time)).convert("RGB") for time in times]
    few = pictures[:: max(1, len(pictures) // 8)]
    width, height = pictures[0].size
    sheet = Image.new("RGB", (width, height * len(few)))
    for number, picture in enumerate(few):
        sheet.paste(picture, (0, height * number))
    palette = sheet.quantize(COLOURS, dither=Image.Dither.NONE)
    frames = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    shown_ms = [min(STILL_MS, after - before) for before, after in zip(times, times[1:])] + [STILL_MS]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=shown_ms, loop=0, optimize=True)
    return os.path.getsize(path)


def main(path):
    apart_ms = 200
    with tempfile.TemporaryDirectory() as folder:
        shoot(folder)
        while (size_bytes := cut(folder, path, apart_ms)) > BYTES_MAX:
            apart_ms += 50
    print(f"{path}: {size_bytes // 1000} kB, a frame every {apart_ms} ms")


if __name__ == "__main__":
    main(sys.argv[1])

"""Reads a traced program's segment, with the standard library alone: a second reader beside `hrview`, made from docs/segment.md.

    python -m heartrate_shm.reader PID|FILE [LINES]

prints the hottest lines of a program (default: 20). In a program:

    segment = Segment("/dev/shm/heartrate_shm.1000.4711.0123456789abcdef")
    segment.hits()  # {path: {line: hits}}, lines that can be hit and were not with 0

Every value in a segment is another process's and is checked; what is wrong with it raises Corrupt. Nothing is written.
"""
import glob
import heapq
import mmap
import os
import struct
import sys

MAGIC = b"HRTRSHM1"
STRINGS, FILES, CODES, SLOTS, SLOT_INFOS = range(1, 6)  # kinds of sections
HEADER = struct.Struct("=8sHHIQQ")  # magic, major, minor, header_bytes, total_bytes, control_off
SECTION_COUNT_AT, SECTIONS_AT = 172, 176
SECTION = struct.Struct("=QQII")  # off, capacity, elem_bytes, kind
USED_AT = 128  # in the control block
BY_PROBES = 2  # a slot's flag: one more part of the line's count
ELEMENTS = {  # what is read of an element
    STRINGS: struct.Struct("=c"),
    FILES: struct.Struct("=II"),  # path
    CODES: struct.Struct("=8xIIII"),  # file, first_line, slot_first, slot_count
    SLOTS: struct.Struct("=QQ"),  # hits, last_tick
    SLOT_INFOS: struct.Struct("=II"),  # line, flags
}


class Corrupt(ValueError):
    """The file is no segment, of another layout, or damaged; the text says what."""


class Segment:
    """A segment, mapped read-only until close(). Raises OSError when it cannot be opened, Corrupt when it makes no sense."""

    def __init__(self, path):
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size < SECTIONS_AT:
                raise Corrupt("too short")
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        magic, major, minor, _, total, self._control = HEADER.unpack_from(self._map)
        if magic != MAGIC:
            raise Corrupt("not a segment")
        if major != 1:
            raise Corrupt("layout %d.%d, and this reads layout 1" % (major, minor))
        if not USED_AT + 16 * 8 <= total <= size or self._control > total - USED_AT - 16 * 8:
            raise Corrupt("truncated")
        self._sections = {}  # kind: (position, off, capacity, elem_bytes)
        (count,) = struct.unpack_from("=I", self._map, SECTION_COUNT_AT)
        if count > 16 or SECTIONS_AT + count * SECTION.size > total:
            raise Corrupt("%d sections" % count)
        for position in range(count):
            off, capacity, elem_bytes, kind = SECTION.unpack_from(self._map, SECTIONS_AT + position * SECTION.size)
            if kind not in ELEMENTS:
                continue
            if elem_bytes < ELEMENTS[kind].size or off > total or capacity > (total - off) // elem_bytes:
                raise Corrupt("section %d is not within the file" % kind)
            self._sections[kind] = position, off, capacity, elem_bytes
        if len(self._sections) != len(ELEMENTS):
            raise Corrupt("a section is missing")

    def close(self):
        self._map.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _used(self, kind):
        """How many elements are published. An aligned word; on machines that reorder loads a language without an acquire load
        can but read it before what it publishes, as here."""
        position, _, capacity, _ = self._sections[kind]
        (used,) = struct.unpack_from("=Q", self._map, self._control + USED_AT + 8 * position)
        if used > capacity:
            raise Corrupt("section %d is fuller than it can be" % kind)
        return used

    def _get(self, kind, index):
        _, off, _, elem_bytes = self._sections[kind]
        return ELEMENTS[kind].unpack_from(self._map, off + index * elem_bytes)

    def _text(self, off, length):
        if off + length > self._used(STRINGS):
            raise Corrupt("a text is not within the strings")
        start = self._sections[STRINGS][1] + off
        try:
            return self._map[start:start + length].decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            raise Corrupt("a text is not UTF-8") from None

    def hits(self):
        """{path: {line: hits}} of all lines that can be hit, at this moment."""
        codes, files, slots = self._used(CODES), self._used(FILES), min(self._used(SLOTS), self._used(SLOT_INFOS))
        paths = [self._text(*self._get(FILES, index)) for index in range(files)]
        found, unknown = {}, set()
        for index in range(codes):
            file, _, first, count = self._get(CODES, index)
            if file >= files or first > slots or count > slots - first:
                raise Corrupt("code object %d names what is not there" % index)
            lines = found.setdefault(paths[file], {}) if count else {}
            for slot in range(first, first + count):
                line, flags = self._get(SLOT_INFOS, slot)
                lines[line] = lines.get(line, 0) + self._get(SLOTS, slot)[0]
                if flags & ~BY_PROBES:
                    unknown.add((paths[file], line))
        for path, line in unknown:  # counts of a kind that layout 1.0 does not have
            del found[path][line]
        return found


def segment_of(pid):
    """The newest segment of this user's process `pid`; FileNotFoundError when there is none."""
    found = glob.glob("/dev/shm/heartrate_shm.%d.%d.*" % (os.geteuid(), pid))
    if not found:
        raise FileNotFoundError("process %d is not traced, or another user's: nothing of it in /dev/shm" % pid)
    return max(found, key=lambda path: os.stat(path).st_mtime_ns)


def main(arguments):
    if len(arguments) not in (1, 2) or arguments[0] in ("-h", "--help"):
        print(__doc__, file=sys.stdout if arguments else sys.stderr)
        return 0 if arguments else 2
    try:
        path = segment_of(int(arguments[0])) if arguments[0].isdigit() else arguments[0]
        with Segment(path) as segment:
            counted = segment.hits()
        most = int(arguments[1]) if len(arguments) == 2 else 20
    except (OSError, ValueError) as error:
        print("heartrate_shm.reader: %s" % error, file=sys.stderr)
        return 1
    lines = [(hits, path, line) for path, lines in counted.items() for line, hits in lines.items() if hits]
    for hits, path, line in heapq.nlargest(most, lines):
        print("%12d  %s:%d" % (hits, path, line))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

// columns.ts — CPython counts columns in UTF-8 bytes of the source line, JavaScript in UTF-16 units.

/** The UTF-16 index in `line` of its UTF-8 byte `column`; inside a character: its start; past the end: the end. */
export function utf16Column(line: string, column: number): number {
  let bytes = 0;
  let i = 0;
  while (i < line.length) {
    const code = line.codePointAt(i) as number;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    if (bytes > column) break;
    i += code < 0x10000 ? 1 : 2;
  }
  return i;
}

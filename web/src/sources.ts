// sources.ts — the texts of source files, had once and kept.
import type { FileEntry, FileText } from './wire';

export type Source =
  | { readonly state: 'loading' }
  | { readonly state: 'there'; readonly text: string; readonly lines: readonly string[]; readonly changed: boolean }
  | { readonly state: 'failed'; readonly why: string };

const KEPT = 64;
const LOADING: Source = { state: 'loading' };

export class Sources {
  private readonly known = new Map<string, Source>();

  /** `arrived` is called whenever a text has come or failed to. */
  constructor(private readonly arrived: () => void) {}

  get(program: string, file: FileEntry): Source {
    const key = keyOf(program, file.index);
    const source = this.known.get(key) ?? this.begin(program, file, key);
    this.known.delete(key); // and back in: the one used longest ago stands first
    this.known.set(key, source);
    for (const oldest of this.known.keys()) {
      if (this.known.size <= KEPT) break;
      this.known.delete(oldest);
    }
    return source;
  }

  /** A text that has come unasked. */
  take(program: string, { file, text, changed }: FileText): void {
    this.known.set(keyOf(program, file), there(text, changed));
    this.arrived();
  }

  /** What could not be had will be asked for again. */
  forgetFailures(): void {
    for (const [key, source] of this.known) if (source.state === 'failed') this.known.delete(key);
  }

  private begin(program: string, file: FileEntry, key: string): Source {
    if (!file.source) return { state: 'failed', why: `${file.path} is not a file, and the program could not give its text` };
    void this.load(program, file.index, key);
    return LOADING;
  }

  private async load(program: string, file: number, key: string): Promise<void> {
    this.known.set(key, await fetchSource(program, file));
    this.arrived();
  }
}

function keyOf(program: string, file: number): string {
  return `${program}/${file}`;
}

function there(text: string, changed: boolean): Source {
  return { state: 'there', text, lines: text.split(/\r\n|\n|\r/), changed };
}

async function fetchSource(program: string, file: number): Promise<Source> {
  try {
    const response = await fetch(`/api/source?program=${program}&file=${file}`);
    const text = await response.text();
    if (!response.ok) return { state: 'failed', why: text.trim() || `hrview answered ${response.status}` };
    return there(text, response.headers.get('X-Source') === 'changed');
  } catch {
    return { state: 'failed', why: 'hrview does not answer' };
  }
}

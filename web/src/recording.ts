// recording.ts — a recording that `hrview replay` serves: all its frames into a history, part by part.
import { decodeMulti } from '@msgpack/msgpack';
import { History, RECORDING } from './history';
import { guardFrame, guardProgram, guardRecordingParts, type Program, type RecordingParts } from './wire';

export interface Recording extends RecordingParts {
  readonly program: Program;
  readonly torn: boolean; // the recorder did not end it
}

export type Loading =
  | { readonly state: 'loading'; readonly share: number; readonly torn: boolean }
  | { readonly state: 'loaded'; readonly torn: boolean }
  | { readonly state: 'failed'; readonly why: string };

/** Loads the recording that this hrview shows. `begin` gets the history before there is anything in it, `tell` is called
 * as it grows. */
export async function loadRecording(begin: (history: History) => void, tell: (loading: Loading) => void): Promise<void> {
  try {
    const recording = await getRecording();
    const history = new History(recording.program.id, RECORDING);
    begin(history);
    const { torn, keyframes, bytes } = recording;
    for (const [i, from] of keyframes.entries()) {
      tell({ state: 'loading', share: i / keyframes.length, torn });
      await loadPart(history, from, keyframes[i + 1] ?? bytes);
    }
    tell({ state: 'loaded', torn });
  } catch (error) {
    tell({ state: 'failed', why: error instanceof Error ? error.message : String(error) });
  }
}

async function getRecording(): Promise<Recording> {
  const value = (await (await get('/api/recording')).json()) as { program?: unknown; torn?: unknown };
  const parts = guardRecordingParts(value, 'recording');
  return { ...parts, program: guardProgram(value.program, 'recording.program'), torn: value.torn === true };
}

async function loadPart(history: History, from: number, to: number): Promise<void> {
  const response = await get(`/api/recording/frames?from=${from}&to=${to}`);
  for (const value of decodeMulti(await response.arrayBuffer())) {
    const { program, more } = guardFrame(value);
    if (program !== null && program.id === history.program) history.take(program, more);
  }
}

async function get(path: string): Promise<Response> {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path}: ${(await response.text()).trim() || response.status}`);
  return response;
}

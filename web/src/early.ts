// early.ts — stands in index.html itself (build.mjs). While all other scripts are on their way it asks hrview, and has browsers
// do what they take their time for: read what is remembered.
import { loadTheme } from './preferences';
import { leavesOpen, parseRoute } from './route';
import { applyTheme } from './theme';
import { encodeRequest, socketUrl } from './wire';

/** A websocket over which the first question goes out; connection.ts takes it over. */
export interface Early {
  readonly socket: WebSocket;
  answer: MessageEvent | null;
}

declare global {
  interface Window {
    early?: Early;
  }
}

const socket = new WebSocket(socketUrl(location));
const early: Early = { socket, answer: null };
const place = parseRoute(location.hash);
socket.binaryType = 'arraybuffer';
socket.onopen = () => socket.send(encodeRequest({ full: true, lead: leavesOpen(place), program: place?.program ?? null, file: null }));
socket.onmessage = (event) => (early.answer = event);
window.early = early;
applyTheme(loadTheme());

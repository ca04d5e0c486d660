// connection.ts — the pull loop: asks hrview for a frame, takes it, asks again a twentieth of a second later. When
// hrview goes away it tries again by itself, for ever; the page keeps its last picture meanwhile.
import { decodeFrame, encodeRequest, type Request, socketUrl, type WireFrame } from './wire';

const OPEN = 1; // WebSocket.OPEN
const PULL_MS = 50;
const HIDDEN_PULL_MS = 1000; // a tab in the background keeps up, but costs next to nothing
const SILENCE_MS = 8000; // no answer for so long: the connection is dead though nobody said so
const RETRY_FIRST_MS = 250;
const RETRY_MAX_MS = 3000;

export type Link =
  | { readonly state: 'connecting' } // never been connected yet
  | { readonly state: 'open' }
  | { readonly state: 'lost'; readonly why: string }
  | { readonly state: 'refused'; readonly why: string }; // hrview is there, but does not let this page in

/** The part of WebSocket that is used; tests bring their own. */
export interface Socket {
  binaryType: string;
  readonly readyState: number;
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  send(data: Uint8Array<ArrayBuffer>): void;
  close(): void;
}

/** A socket that may have been put to use before: `asked`: the first question has gone out; `answer`: and been answered. */
export interface Opened {
  readonly socket: Socket;
  readonly asked: boolean;
  readonly answer: { data: unknown } | null;
}

/** What the loop needs of the world around it. */
export interface World {
  open(): Opened;
  now(): number; // milliseconds, not falling
  after(ms: number, run: () => void): () => void; // returns how to call it off
  hidden(): boolean;
  refusal(): Promise<string | null>; // hrview's words when it does not let this page in; null when it does, or is away
}

export interface Client {
  request(): Request;
  frame(frame: WireFrame, asked: Request): void;
  link(link: Link): void;
}

export class Connection {
  private socket: Socket | null = null;
  private callOff: () => void = () => undefined;
  private opened = false; // the socket has been
  private asked: Request | null = null; // of which the answer is outstanding
  private askedAt = 0;
  private fresh = true; // the next request is this connection's first
  private wanted = false; // ask at once
  private retryMs = RETRY_FIRST_MS;

  constructor(
    private readonly world: World,
    private readonly client: Client,
  ) {}

  start(): void {
    this.client.link({ state: 'connecting' });
    this.open();
  }

  /** Asks at once, because the request would be another one by now. */
  poke(): void {
    this.wanted = true;
    if (this.socket !== null && this.asked === null && !this.fresh) this.ask();
  }

  private open(): void {
    const { socket, asked, answer } = this.world.open();
    this.socket = socket;
    this.opened = asked;
    this.asked = asked ? this.client.request() : null;
    this.fresh = !asked;
    this.wanted = false;
    this.askedAt = this.world.now();
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => {
      this.opened = true;
      this.ask();
    };
    socket.onmessage = (event) => this.receive(event.data);
    socket.onclose = (event) => this.lose(event.reason || closeReason(event.code));
    this.later(SILENCE_MS, () => this.lose('hrview does not answer'));
    if (answer !== null) this.receive(answer.data);
  }

  private ask(): void {
    this.wanted = false;
    this.asked = this.client.request();
    this.askedAt = this.world.now();
    this.later(SILENCE_MS, () => this.lose('hrview does not answer'));
    this.socket?.send(encodeRequest({ ...this.asked, full: this.fresh }));
    this.fresh = false;
  }

  private receive(data: unknown): void {
    const { asked } = this;
    this.asked = null;
    let frame: WireFrame;
    try {
      if (asked === null) throw new Error('hrview sent a frame that was not asked for');
      if (!(data instanceof ArrayBuffer)) throw new Error('hrview sent text, not a frame');
      frame = decodeFrame(data);
    } catch (error) {
      this.lose(error instanceof Error ? error.message : String(error));
      return;
    }
    this.retryMs = RETRY_FIRST_MS;
    this.client.link({ state: 'open' });
    this.client.frame(frame, asked);
    if (this.socket === null || this.asked !== null) return; // what the frame set off has already asked, or ended it
    if (this.wanted || frame.more) this.ask();
    else this.later(Math.max(0, this.askedAt + this.pullMs() - this.world.now()), () => this.ask());
  }

  private pullMs(): number {
    return this.world.hidden() ? HIDDEN_PULL_MS : PULL_MS;
  }

  private lose(why: string): void {
    const socket = this.socket;
    if (socket === null) return;
    this.socket = null;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
    this.client.link({ state: 'lost', why });
    if (!this.opened) void this.askWhy();
    this.later(this.retryMs, () => this.open());
    this.retryMs = Math.min(this.retryMs * 2, RETRY_MAX_MS);
  }

  /** A websocket that is not let in fails without a reason; plain HTTP tells it. */
  private async askWhy(): Promise<void> {
    const why = await this.world.refusal();
    if (why !== null && !this.opened) this.client.link({ state: 'refused', why });
  }

  private later(ms: number, run: () => void): void {
    this.callOff();
    this.callOff = this.world.after(ms, run);
  }
}

function closeReason(code: number): string {
  return code === 1008 ? 'hrview refused the request' : 'hrview has gone away';
}

/** What early.ts has opened, while that is of use. */
function takeEarly(): Opened | null {
  const { early } = window;
  delete window.early;
  if (early === undefined || early.socket.readyState > OPEN) return null;
  return { socket: early.socket as Socket, asked: early.socket.readyState === OPEN, answer: early.answer };
}

/** The browser's world. */
export function browserWorld(location: Location): World {
  return {
    open: () => takeEarly() ?? { socket: new WebSocket(socketUrl(location)) as Socket, asked: false, answer: null },
    now: () => performance.now(),
    after: (ms, run) => {
      const timer = setTimeout(run, ms);
      return () => clearTimeout(timer);
    },
    hidden: () => document.hidden,
    refusal: async () => {
      try {
        const response = await fetch('/healthz', { cache: 'no-store' });
        return response.ok ? null : (await response.text()).trim();
      } catch {
        return null;
      }
    },
  };
}

// main.ts — starts the page, when what early.ts has asked for is there.
import './style/base.css';
import './style/shell.css';
import './style/source.css';
import './style/stacks.css';
import './style/home.css';
import './style/time.css';
import { publishApi } from './api';
import { App } from './app';
import { browserWorld } from './connection';
import { Session } from './session';

const PATIENCE_MS = 400; // with an hrview that does not answer, before the page says so

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const session = new Session(browserWorld(location));
publishApi(session);
session.start();
const nonce = document.querySelector<HTMLMetaElement>('meta[name=csp-nonce]')?.content ?? '';
await Promise.race([session.complete, pause(PATIENCE_MS)]); // one picture instead of three
new App(session, nonce).start(document.body);

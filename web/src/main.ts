// main.ts — starts the page.
import './style/base.css';
import './style/shell.css';
import './style/source.css';
import './style/stacks.css';
import './style/home.css';
import './style/time.css';
import { publishApi } from './api';
import { App } from './app';
import { browserWorld } from './connection';

const nonce = document.querySelector<HTMLMetaElement>('meta[name=csp-nonce]')?.content ?? '';
const app = new App(browserWorld(location), nonce);
publishApi(app);
app.start(document.body);

// views/splitter.ts — the bar between source and stacks: dragged, or moved by the arrow keys.
import { el } from '../dom';
import { loadStackShare, saveStackShare } from '../preferences';

const MIN = 0.1;
const MAX = 0.8;
const STEP = 0.04;

/** Sets `--stack-share` on `container`, of whose height the lower pane takes that part. */
export function makeSplitter(container: HTMLElement): HTMLElement {
  let share = loadStackShare();
  const bar = el('div', {
    class: 'splitter',
    role: 'separator',
    tabindex: '0',
    'aria-orientation': 'horizontal',
    'aria-label': 'Height of the stacks',
    'aria-valuemin': String(MIN * 100),
    'aria-valuemax': String(MAX * 100),
  });
  const set = (wanted: number): void => {
    share = Math.min(MAX, Math.max(MIN, wanted));
    container.style.setProperty('--stack-share', `${(share * 100).toFixed(1)}%`);
    bar.setAttribute('aria-valuenow', String(Math.round(share * 100)));
  };
  bar.addEventListener('pointerdown', (event) => {
    event.preventDefault();
    bar.setPointerCapture(event.pointerId);
  });
  bar.addEventListener('pointermove', (event) => {
    if (!bar.hasPointerCapture(event.pointerId)) return;
    const box = container.getBoundingClientRect();
    set((box.bottom - event.clientY) / box.height);
  });
  bar.addEventListener('pointerup', () => saveStackShare(share));
  bar.addEventListener('keydown', (event) => {
    const step = event.key === 'ArrowUp' ? STEP : event.key === 'ArrowDown' ? -STEP : 0;
    if (step === 0) return;
    event.preventDefault();
    set(share + step);
    saveStackShare(share);
  });
  set(share);
  return bar;
}

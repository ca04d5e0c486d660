// views/splitter.ts — bars between parts of the page: dragged, or moved by the arrow keys.
import { el } from '../dom';
import { loadFilesWidth, loadStackShare, saveFilesWidth, saveStackShare } from '../preferences';

interface Split {
  readonly label: string;
  readonly upright: boolean; // it stands between left and right
  readonly least: number;
  readonly most: number;
  readonly step: number;
  /** Where it is, and where a pointer would have it. */
  now(): number;
  at(event: PointerEvent): number;
  put(value: number): void;
  save(value: number): void;
}

/** Between source and stacks: sets `--stack-share` on `column`, of whose height the stacks take that part. */
export function stackSplitter(column: HTMLElement): HTMLElement {
  let share = loadStackShare();
  const put = (wanted: number): void => {
    share = wanted;
    column.style.setProperty('--stack-share', `${(share * 100).toFixed(1)}%`);
  };
  put(share);
  return makeSplitter({
    label: 'Height of the stacks, percent',
    upright: false,
    least: 0.1,
    most: 0.8,
    step: -0.04, // down makes them lower
    now: () => share,
    at: (event) => {
      const box = column.getBoundingClientRect();
      return (box.bottom - event.clientY) / box.height;
    },
    put,
    save: saveStackShare,
  }, 100);
}

/** Between files and source: sets `--files-width` on `columns`. */
export function filesSplitter(columns: HTMLElement, files: HTMLElement): HTMLElement {
  const put = (width: number): void => columns.style.setProperty('--files-width', `${Math.round(width)}px`);
  const kept = loadFilesWidth();
  if (kept !== null) put(kept);
  return makeSplitter({
    label: 'Width of the files, pixels',
    upright: true,
    least: 140,
    most: 1200,
    step: 24,
    now: () => files.offsetWidth,
    at: (event) => event.clientX - columns.getBoundingClientRect().left,
    put,
    save: saveFilesWidth,
  }, 1);
}

/** `unit`: what a value is multiplied by to be told. */
function makeSplitter(split: Split, unit: number): HTMLElement {
  const bar = el('div', {
    class: split.upright ? 'splitter upright' : 'splitter',
    role: 'separator',
    tabindex: '0',
    'aria-orientation': split.upright ? 'vertical' : 'horizontal',
    'aria-label': split.label,
    'aria-valuemin': String(split.least * unit),
    'aria-valuemax': String(split.most * unit),
  });
  const tell = (): void => bar.setAttribute('aria-valuenow', String(Math.round(Math.max(split.least, split.now()) * unit)));
  const set = (wanted: number): void => {
    split.put(Math.min(split.most, Math.max(split.least, wanted)));
    tell();
  };
  bar.addEventListener('pointerdown', (event) => {
    event.preventDefault();
    bar.setPointerCapture(event.pointerId);
  });
  bar.addEventListener('pointermove', (event) => {
    if (bar.hasPointerCapture(event.pointerId)) set(split.at(event));
  });
  bar.addEventListener('pointerup', () => split.save(split.now()));
  bar.addEventListener('focus', tell);
  bar.addEventListener('keydown', (event) => {
    const [back, forth] = split.upright ? ['ArrowLeft', 'ArrowRight'] : ['ArrowUp', 'ArrowDown'];
    if (event.key !== back && event.key !== forth) return;
    event.preventDefault();
    set(split.now() + (event.key === forth ? split.step : -split.step));
    split.save(split.now());
  });
  tell();
  return bar;
}

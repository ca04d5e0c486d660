// flame.ts — samples of stacks as a flame graph: functions above who called them, as wide as they were seen often. Pure.
import type { Sample } from './history';
import { isMachinery } from './stack';
import { GAP, type StackNode } from './stacktree';
import type { FileEntry, Frame } from './wire';

export interface FlameNode {
  readonly name: string;
  readonly file: number; // -1: all, or what is not recorded
  readonly line: number; // where it was seen first
  readonly traced: boolean;
  value: number; // samples of it and of what it called
  readonly children: FlameNode[];
}

/** `sleeping`: count threads that wait as well, as wall-clock profilers do; else only those that ran. */
export function flameOf(samples: readonly Sample[], files: readonly FileEntry[], sleeping: boolean): FlameNode {
  const root: FlameNode = { name: 'all', file: -1, line: 0, traced: false, value: 0, children: [] };
  const places = new Map<FlameNode, Map<string, FlameNode>>();
  for (const { node, running, all } of samples) {
    const times = sleeping ? all : running;
    if (times === 0) continue;
    root.value += times;
    let at = root;
    for (const frame of framesOf(node, files)) {
      at = step(places, at, frame, files);
      at.value += times;
    }
  }
  return root;
}

function step(places: Map<FlameNode, Map<string, FlameNode>>, caller: FlameNode, frame: Frame, files: readonly FileEntry[]): FlameNode {
  let inner = places.get(caller);
  if (inner === undefined) places.set(caller, (inner = new Map<string, FlameNode>()));
  const key = `${frame.file} ${frame.function}`;
  let node = inner.get(key);
  if (node === undefined) {
    const { file, line } = frame;
    node = { name: frame.function, file, line, traced: files[file]?.traced === true, value: 0, children: [] };
    inner.set(key, node);
    caller.children.push(node);
  }
  return node;
}

/** Outermost first; without what starts every program. */
function framesOf(leaf: StackNode, files: readonly FileEntry[]): Frame[] {
  const frames: Frame[] = [];
  for (let node: StackNode | null = leaf; node?.frame != null; node = node.parent) frames.push(node.frame);
  frames.reverse();
  const first = frames.findIndex((frame, i) => frame === GAP || i === frames.length - 1 || !isMachinery(files[frame.file]?.path ?? ''));
  return first > 0 ? frames.slice(first) : frames;
}

export interface FlameRow {
  readonly node: FlameNode;
  readonly self: number;
  readonly total: number;
}

/** Functions by how often they were on top, most first; recursion counts once. */
export function hottestFunctions(root: FlameNode, n: number): FlameRow[] {
  const rows = new Map<string, { node: FlameNode; self: number; total: number }>();
  const visit = (node: FlameNode, outer: ReadonlySet<string>): void => {
    const key = `${node.file} ${node.name}`;
    const row = rows.get(key) ?? { node, self: 0, total: 0 };
    rows.set(key, row);
    row.self += node.value - node.children.reduce((sum, child) => sum + child.value, 0);
    if (!outer.has(key)) row.total += node.value;
    const path = new Set(outer).add(key);
    for (const child of node.children) visit(child, path);
  };
  for (const child of root.children) visit(child, new Set());
  return [...rows.values()].sort((a, b) => b.self - a.self || b.total - a.total).slice(0, n);
}

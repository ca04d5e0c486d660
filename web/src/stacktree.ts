// stacktree.ts — every stack that was seen, once: a tree of calls, in which a stack is its innermost node. What many
// moments have in common takes no room twice, and samples counted by node are a flame graph.
import type { Frame, Thread } from './wire';

/** Stands where a stack is deeper than what is recorded of it. */
export const GAP: Frame = { file: -1, function: '…', line: 0, endLine: -1, col: -1, endCol: -1 };

export class StackNode {
  private readonly inner = new Map<string, StackNode>();
  private path: readonly Frame[] | null = null;

  constructor(
    readonly frame: Frame | null, // null: the root, which calls all outermost frames
    readonly parent: StackNode | null,
  ) {}

  /** What runs in this node when the frame calls on; null when it has not been seen. */
  child(key: string): StackNode | null {
    return this.inner.get(key) ?? null;
  }

  add(key: string, frame: Frame): StackNode {
    const node = new StackNode(frame, this);
    this.inner.set(key, node);
    return node;
  }

  /** The stack, outermost first, as the wire told it. The same array each time. */
  get frames(): readonly Frame[] {
    if (this.path !== null) return this.path;
    const path: Frame[] = [];
    for (let node: StackNode | null = this; node !== null; node = node.parent)
      if (node.frame !== null && node.frame !== GAP) path.push(node.frame);
    return (this.path = path.reverse());
  }
}

export class StackTree {
  readonly root = new StackNode(null, null);
  size = 0; // nodes

  /** The node of a thread's stack. */
  intern(thread: Pick<Thread, 'frames' | 'depth' | 'elidedAt'>): StackNode {
    const gapAt = thread.depth > thread.frames.length ? thread.elidedAt : -1;
    let node = this.root;
    thread.frames.forEach((frame, i) => {
      if (i === gapAt) node = this.step(node, GAP);
      node = this.step(node, frame);
    });
    return node;
  }

  private step(node: StackNode, frame: Frame): StackNode {
    const key = `${frame.file} ${frame.line} ${frame.endLine} ${frame.col} ${frame.endCol} ${frame.function}`;
    const known = node.child(key);
    if (known !== null) return known;
    this.size++;
    return node.add(key, frame);
  }

  /** The node of the same stack in this tree as `other` is in its own. */
  adopt(other: StackNode): StackNode {
    const path: Frame[] = [];
    for (let node: StackNode | null = other; node?.frame != null; node = node.parent) path.push(node.frame);
    return path.reduceRight((node, frame) => this.step(node, frame), this.root);
  }
}

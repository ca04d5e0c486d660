// choice.ts — which programs come first. Pure.
import type { Program } from './wire';

/** Live ones first, newest first; each child behind its parent, one step further in. */
export function inFamilies(programs: readonly Program[]): { program: Program; depth: number }[] {
  const known = new Set(programs.map((program) => program.id));
  const ordered = [...programs].sort(
    (a, b) => Number(b.state === 'live') - Number(a.state === 'live') || b.start - a.start,
  );
  const out: { program: Program; depth: number }[] = [];
  const placed = new Set<string>();
  const place = (program: Program, depth: number): void => {
    if (placed.has(program.id)) return; // foreign data: a parent may be its own child
    placed.add(program.id);
    out.push({ program, depth });
    for (const child of ordered) if (child.parent === program.id) place(child, depth + 1);
  };
  for (const program of ordered) if (program.parent === null || !known.has(program.parent)) place(program, 0);
  for (const program of ordered) place(program, 0);
  return out;
}

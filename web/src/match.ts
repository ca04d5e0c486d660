// match.ts — which of many things a reader means who types a few letters of it. Pure.

/** How well `words` fits a text, higher is better; null: it does not. Each word must stand in the text, if need be with
 * other letters in between; whole pieces and beginnings of words count most, and short texts before long ones. */
export function score(words: string, text: string): number | null {
  const hay = text.toLowerCase();
  let sum = 0;
  for (const word of split(words)) {
    const found = scoreWord(word, hay, text);
    if (found === null) return null;
    sum += found;
  }
  return sum - text.length / 1000;
}

function split(words: string): string[] {
  return words.toLowerCase().split(/\s+/).filter(Boolean);
}

function scoreWord(word: string, hay: string, text: string): number | null {
  const whole = hay.lastIndexOf(word); // the last: of a path its end says most
  if (whole !== -1) return word.length * 3 + (beginsWord(text, whole) ? 2 : 0);
  let at = -1;
  let sum = 0;
  for (const letter of word) {
    const next = hay.indexOf(letter, at + 1);
    if (next === -1) return null;
    sum += next === at + 1 ? 1 : beginsWord(text, next) ? 0.8 : 0.1;
    at = next;
  }
  return sum;
}

function beginsWord(text: string, at: number): boolean {
  return at === 0 || !/[a-z0-9]/i.test(text[at - 1] as string) || /[a-z][A-Z]/.test(text.slice(at - 1, at + 1));
}

/** What a thing is called, and what it may be found by besides, where words stand whole or not at all. */
export interface Text {
  readonly name: string;
  readonly rest: string;
}

/** The best of them, best first; of equals the first given. Without words the first given. */
export function best<T>(words: string, items: readonly T[], textOf: (item: T) => Text, most: number): T[] {
  const scored: { item: T; points: number }[] = [];
  for (const item of items) {
    const { name, rest } = textOf(item);
    const points = score(words, name);
    const all = `${name} ${rest}`.toLowerCase();
    if (points !== null) scored.push({ item, points });
    else if (split(words).every((word) => all.includes(word))) scored.push({ item, points: -1 });
  }
  if (words.trim() !== '') scored.sort((a, b) => b.points - a.points);
  return scored.slice(0, most).map(({ item }) => item);
}

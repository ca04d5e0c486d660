// d3-flame-graph.d.ts — what is used of two libraries that bring no types.
declare module 'd3-flame-graph' {
  export interface FlameGraph<Datum> {
    (selection: unknown): void;
    width(pixels: number): this;
    cellHeight(pixels: number): this;
    minFrameSize(pixels: number): this;
    transitionDuration(ms: number): this;
    inverted(on: boolean): this;
    setColorMapper(colour: (node: { data: Datum }, original: string) => string): this;
    setLabelHandler(label: (node: { data: Datum; value: number }) => string): this;
    setDetailsHandler(show: (text: string | null) => void): this;
    onClick(clicked: (node: { data: Datum }) => void): this;
  }
  export default function flamegraph<Datum>(): FlameGraph<Datum>;
}

declare module 'd3-selection' {
  export function select(element: Element): { datum(data: unknown): { call(chart: unknown): void } };
}

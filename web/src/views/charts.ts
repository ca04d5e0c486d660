// views/charts.ts — the libraries that draw charts. They make a script of their own (build.mjs), which is loaded when the
// first picture stands: it does without them.
import 'uplot/dist/uPlot.min.css';
import flamegraph from 'd3-flame-graph';
import { select } from 'd3-selection';
import uPlot from 'uplot';

export const charts = { flamegraph, select, uPlot };
export type Charts = typeof charts;

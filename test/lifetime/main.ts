// Runs the scenario that the argument names, in any runtime, and prints what it found as JSON.
import * as torch from 'cresset';
import { SCENARIOS } from './scenarios.js';

declare const process: { argv: string[] } | undefined;
declare const peakMemory: (() => Promise<number>) | undefined;
declare const location: { search: string } | undefined;

const name = (typeof location === 'undefined' ? process!.argv[2] : new URLSearchParams(location.search).get('arg'))!;
await torch.init();
const found = await SCENARIOS[name]!();
// A page cannot ask for its process's memory; who opened it can.
if (typeof peakMemory === 'function') found['rss'] = await peakMemory();
console.log(JSON.stringify(found));

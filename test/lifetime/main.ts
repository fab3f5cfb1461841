// Runs the scenario that the argument names, in any runtime, and prints what it found as JSON.
import * as torch from 'cresset';
import { SCENARIOS } from './scenarios.js';

declare const process: { argv: string[] } | undefined;
declare const location: { search: string } | undefined;

const name = (typeof location === 'undefined' ? process!.argv[2] : new URLSearchParams(location.search).get('arg'))!;
await torch.init();
console.log(JSON.stringify(await SCENARIOS[name]!()));

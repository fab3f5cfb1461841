// Whether a row reached what it shall (rows/targets.mjs).
import { FMA_PAYS } from '../rows/targets.mjs';

/** Whether fused multiply-add is faster than multiply and add on the machine that a result is from. */
export const fmaPays = ({ fmaGain }) => fmaGain !== undefined && fmaGain >= FMA_PAYS;

/** What a target asks for on this machine. */
const wanted = (target, result) => (target.equal !== undefined && !fmaPays(result) ? target.equal : target.atLeast);

/** The number that a target is about, from a result: `{ got, who }` for each form of the peer, or a reason why there is none. */
function found(target, result) {
  if (target.roof) return [{ who: `${target.roof} roof`, got: result.roof?.kind === target.roof ? result.roof.share : undefined }];
  const forms = (result.peers ?? []).filter((p) => p.peer === target.peer && (target.form === undefined || p.form === target.form) && !isVariant(p));
  if (forms.length === 0) return [{ who: target.peer, why: 'not measured' }];
  return forms.map((p) => ({ who: p.form ? `${p.peer} (${p.form})` : p.peer, got: p.ratio, why: p.skipped ?? p.failed, failed: p.failed !== undefined }));
}

/** Sides that are shown beside a peer and are not what targets are about: other optimizers, other thread counts. */
const isVariant = (p) => p.peer === 'pytorch' && p.form !== undefined;

/**
 * The verdicts on a result: `{ who, want, got, state, text }`. `state` is 'met', 'not met', 'noisy' (measured, but the control was off), or
 * 'not measured'. A row without a result has none.
 */
export function judge(row, result) {
  // What a processor needs that plays a GPU says nothing of one.
  if (!result || result.software) return [];
  const meant = (target) => (target.threads ?? 1) === result.threads && (target.device ?? 'cpu') === (result.device ?? 'cpu');
  return row.targets.filter(meant).flatMap((target) => {
    const want = wanted(target, result);
    return found(target, result).map(({ who, got, why, failed }) => {
      const state = failed || result.failed ? 'not met' : got === undefined ? 'not measured' : !result.quiet ? 'noisy' : got >= want ? 'met' : 'not met';
      return { who, want, got, state, roof: target.roof !== undefined, why: why ?? result.failed, text: target.text };
    });
  });
}

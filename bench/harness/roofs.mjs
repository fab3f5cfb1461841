// What one core of this machine can do at most from WebAssembly: multiplications and additions that stay in registers, and
// v128 loads and stores over buffers of a given size. Measured in the same rounds as the rows they are the limit of.
//
// The kernels are written by hand and assembled by binaryen, so that no compiler stands between them and V8.

const ACCUMULATORS = 12; // a latency of 4 cycles times 2 ports wants 8; 12 and two factors fit into 16 registers
const UNROLLED = 8;
/** FLOPs of one pass through the loop of `fma` and `madd`. */
const FLOPS = ACCUMULATORS * UNROLLED * 4 * 2;

const each = (count, line) => Array.from({ length: count }, (_, i) => line(i)).join('\n');

/** acc = acc * a + b with a < 1, which stays finite and never becomes denormal. */
function arithmetic(name, step) {
  const locals = each(ACCUMULATORS, (i) => `(local $c${i} v128)`);
  const start = each(ACCUMULATORS, (i) => `(local.set $c${i} (f32x4.splat (f32.const ${1 + i / 16})))`);
  const body = each(UNROLLED, () => each(ACCUMULATORS, (i) => `(local.set $c${i} ${step(`(local.get $c${i})`)})`));
  const sum = Array.from({ length: ACCUMULATORS }, (_, i) => `(local.get $c${i})`).reduce((x, y) => `(f32x4.add ${x} ${y})`);
  return `(func (export "${name}") (param $times i32) (result f32) (local $a v128) (local $b v128) ${locals}
    (local.set $a (f32x4.splat (f32.const 0.999))) (local.set $b (f32x4.splat (f32.const 0.001))) ${start}
    (loop $again ${body}
      (br_if $again (local.tee $times (i32.sub (local.get $times) (i32.const 1)))))
    (f32x4.extract_lane 0 ${sum}))`;
}

const LINE = 128; // bytes of one pass: eight registers

const COPY = `(func (export "copy") (param $to i32) (param $from i32) (param $bytes i32) (param $times i32)
  (local $i i32)
  (loop $again
    (local.set $i (i32.const 0))
    (loop $line
      ${each(LINE / 16, (i) => `(v128.store offset=${16 * i} (i32.add (local.get $to) (local.get $i)) (v128.load offset=${16 * i} (i32.add (local.get $from) (local.get $i))))`)}
      (br_if $line (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const ${LINE}))) (local.get $bytes))))
    (br_if $again (local.tee $times (i32.sub (local.get $times) (i32.const 1))))))`;

const READ = `(func (export "read") (param $from i32) (param $bytes i32) (param $times i32) (result f32)
  (local $i i32) ${each(LINE / 16, (i) => `(local $s${i} v128)`)}
  (loop $again
    (local.set $i (i32.const 0))
    (loop $line
      ${each(LINE / 16, (i) => `(local.set $s${i} (f32x4.add (local.get $s${i}) (v128.load offset=${16 * i} (i32.add (local.get $from) (local.get $i)))))`)}
      (br_if $line (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const ${LINE}))) (local.get $bytes))))
    (br_if $again (local.tee $times (i32.sub (local.get $times) (i32.const 1)))))
  (f32x4.extract_lane 0 ${Array.from({ length: LINE / 16 }, (_, i) => `(local.get $s${i})`).reduce((x, y) => `(f32x4.add ${x} ${y})`)}))`;

/** The module as text; with `relaxed` it has `fma`, which a runtime without relaxed SIMD refuses. */
export function roofText(relaxed) {
  const fma = arithmetic('fma', (c) => `(f32x4.relaxed_madd ${c} (local.get $a) (local.get $b))`);
  const madd = arithmetic('madd', (c) => `(f32x4.add (f32x4.mul ${c} (local.get $a)) (local.get $b))`);
  return `(module (memory (export "memory") 1) ${relaxed ? fma : ''} ${madd} ${COPY} ${READ})`;
}

/** The module's bytes, made where binaryen is: in Node, also for pages. */
export async function assembleRoofs(relaxed) {
  const { default: binaryen } = await import('binaryen');
  const module = binaryen.parseText(roofText(relaxed));
  module.setFeatures(binaryen.Features.All);
  if (!module.validate()) throw new Error('the roof kernels do not validate');
  const bytes = module.emitBinary();
  module.dispose();
  return bytes;
}

/** More than this no roof is measured with: far beyond any last-level cache that one core has to itself. */
const LARGEST = 128 * 2 ** 20;

/**
 * Sides to be measured beside a row. `working` is how many bytes the row touches: bandwidth is measured over as many, and over
 * a buffer of 128 MiB where none are named. Amounts are in GFLOP or GB for one repetition.
 */
export async function roofSides(bytes, working = LARGEST) {
  const { exports } = (await WebAssembly.instantiate(bytes)).instance;
  const size = Math.max(4096, Math.min(LARGEST, Math.ceil(working / 2 / 1024) * 1024 * 2));
  const from = 1024;
  exports.memory.grow(Math.ceil((size + 2 * from) / 65536));
  // Pages that were never written are all the same page of zeros, which is in every cache.
  new Float32Array(exports.memory.buffer).fill(1);
  const half = size / 2;
  const sides = [
    { key: 'madd', unit: 'GFLOP/s', amount: (1000 * FLOPS) / 1e9, run: (n) => void exports.madd(1000 * n) },
    { key: 'copy', unit: 'GB/s', amount: size / 1e9, run: (n) => void exports.copy(from + half, from, half, n) },
    { key: 'read', unit: 'GB/s', amount: size / 1e9, run: (n) => void exports.read(from, size, n) },
  ];
  if (exports.fma) sides.unshift({ key: 'fma', unit: 'GFLOP/s', amount: (1000 * FLOPS) / 1e9, run: (n) => void exports.fma(1000 * n) });
  return sides.map((side) => ({ ...side, label: `roof (${side.key})`, ms: 6, bytes: size }));
}

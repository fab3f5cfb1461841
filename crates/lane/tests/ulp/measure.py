"""PyTorch's errors, and mpmath's values: writes pytorch.txt, points.txt and edges.txt beside this file.

    python measure.py                 needs torch, numpy, scipy, mpmath; takes some minutes
    python measure.py --points N FILE only mpmath's values, at N points for each function and dtype: for a closer look

An error is counted in ulps: of the binade of the true value rounded to the dtype. float32 is compared with float64 formulas
(numpy's, scipy's) over a million and a half float32, densely where functions are difficult; float64 with mpmath at a few thousand
points. The arrays are contiguous and long, so that PyTorch uses its vectorised kernels.
"""
import sys
from pathlib import Path

import mpmath as mp
import numpy as np
import scipy.special as sp
import torch
import torch.nn.functional as F

HERE = Path(__file__).parent
INF = float('inf')
mp.mp.prec = 160
np.seterr(all='ignore')

ALL = [(-INF, INF)]
POSITIVE = [(0.0, INF)]
TRIG = [(-100.0, 100.0), (100.0, 1e6), (1e6, INF)]
THREE = [(-INF, -87.0), (-87.0, -1.0), (-1.0, 1.0), (1.0, INF)]
# Some of PyTorch's functions overflow earlier than their results do.
MODEST = [(-INF, -88.0), (-88.0, 88.0), (88.0, INF)]
# GELU below -1 is a small difference of large numbers, in PyTorch's formula and in ours.
FOUR = [(-INF, -3.0), (-3.0, -1.0), (-1.0, 1.0), (1.0, 1e38)]
ROOTS_OF_LGAMMA = [1.0, 2.0, -2.457024738220801, -2.7476826467274127, -3.143580888349980, -3.955294284858598]
ROOTS_OF_DIGAMMA = [1.4616321449683623, -0.5040830082644554, -1.5734984731623904, -2.610720868444145]


def gelu64(x):
    return 0.5 * x * sp.erfc(-x * np.sqrt(0.5))


def tanh_inner(x, m):
    return m.sqrt(2 / m.pi) * (x + 44715 * x * x * x / 1000000)


# f(x) * 2/(1+e^(-2t)), which does not cancel
def gelu_tanh64(x):
    return x * sp.expit(2 * tanh_inner(x, np))


def mish64(x):
    e = np.exp(np.minimum(x, 40))
    n = e * (e + 2)
    return x * (n / (n + 2))


def softplus64(x):
    return np.where(x > 20, x, np.log1p(np.exp(np.minimum(x, 20))))


def capped(f, limit=3000):
    """For mpmath's functions that cannot bear large arguments, where nothing happens any more in float64."""
    return lambda x: f(max(-limit, min(limit, x)))


def logaddexp_mp(a, b):
    return max(a, b) + mp.log1p(mp.exp(-abs(a - b)))


# name: (torch, float64 formula, mpmath, domain sections, difficult points)
UNARY = {
    'exp': (torch.exp, np.exp, mp.exp, ALL, [0.0, 88.5, -87.5, -103]),
    'exp2': (torch.exp2, np.exp2, lambda x: mp.mpf(2) ** x, ALL, [0.0, 127.5, -126.5]),
    'expm1': (torch.expm1, np.expm1, mp.expm1, ALL, [0.0, 88.5]),
    'log': (torch.log, np.log, mp.log, POSITIVE, [1.0]),
    'log2': (torch.log2, np.log2, lambda x: mp.log(x, 2), POSITIVE, [1.0]),
    'log10': (torch.log10, np.log10, mp.log10, POSITIVE, [1.0]),
    'log1p': (torch.log1p, np.log1p, mp.log1p, [(-1.0, INF)], [0.0, -1.0]),
    'sin': (torch.sin, np.sin, mp.sin, TRIG, [0.0] + [k * np.pi / 2 for k in range(1, 40)]),
    'cos': (torch.cos, np.cos, mp.cos, TRIG, [0.0] + [k * np.pi / 2 for k in range(1, 40)]),
    'tan': (torch.tan, np.tan, mp.tan, TRIG, [0.0] + [k * np.pi / 2 for k in range(1, 40)]),
    'asin': (torch.asin, np.arcsin, mp.asin, [(-1.0, 1.0)], [0.0, 0.5, 1.0]),
    'acos': (torch.acos, np.arccos, mp.acos, [(-1.0, 1.0)], [0.0, 0.5, -0.5, 1.0, -1.0]),
    'atan': (torch.atan, np.arctan, mp.atan, ALL, [0.0, 1.0]),
    'sinh': (torch.sinh, np.sinh, mp.sinh, MODEST, [0.0, 1.0, 89.0]),
    'cosh': (torch.cosh, np.cosh, mp.cosh, MODEST, [0.0, 1.0, 89.0]),
    'tanh': (torch.tanh, np.tanh, mp.tanh, ALL, [0.0, 0.6, 1.0]),
    'asinh': (torch.asinh, np.arcsinh, mp.asinh, ALL, [0.0, 1.0]),
    'acosh': (torch.acosh, np.arccosh, mp.acosh, [(1.0, INF)], [1.0]),
    'atanh': (torch.atanh, np.arctanh, mp.atanh, [(-1.0, 1.0)], [0.0, 1.0]),
    'sigmoid': (torch.sigmoid, sp.expit, lambda x: 1 / (1 + mp.exp(-x)), THREE, [0.0, -87.0]),
    'erf': (torch.erf, sp.erf, capped(mp.erf, 30), ALL, [0.0, 1.0]),
    'erfc': (torch.erfc, sp.erfc, capped(mp.erfc, 30), ALL, [0.0, 1.0, 9.0]),
    'erfinv': (torch.erfinv, sp.erfinv, mp.erfinv, [(-1.0, 1.0)], [0.0, 0.5, 1.0]),
    'sqrt': (torch.sqrt, np.sqrt, mp.sqrt, POSITIVE, [1.0]),
    'rsqrt': (torch.rsqrt, lambda x: 1 / np.sqrt(x), lambda x: 1 / mp.sqrt(x), POSITIVE, [1.0, 1.05, 2.1]),
    'lgamma': (torch.lgamma, sp.gammaln, lambda x: mp.log(abs(mp.gamma(x))) if x < 1e4 else mp.loggamma(x),
               [(-1e6, -0.5), (-0.5, 0.5), (0.5, 3.0), (3.0, 1e30)], ROOTS_OF_LGAMMA),
    'digamma': (torch.digamma, sp.digamma, mp.digamma, [(-1e6, -0.5), (-0.5, 0.5), (0.5, 3.0), (3.0, INF)], ROOTS_OF_DIGAMMA),
    'i0': (torch.i0, sp.i0, capped(lambda x: mp.besseli(0, x), 1000), MODEST, [0.0, 8.0, 90.0]),
    'gelu': (F.gelu, gelu64, lambda x: x * capped(mp.erfc, 60)(-x * mp.sqrt(mp.mpf(1) / 2)) / 2, FOUR, [0.0, -5.0]),
    'gelu_tanh': (lambda x: F.gelu(x, approximate='tanh'), gelu_tanh64,
                  lambda x: x / (1 + mp.exp(-2 * tanh_inner(x, mp))), FOUR, [0.0, -4.0]),
    'softplus': (F.softplus, softplus64, lambda x: x if x > 20 else mp.log1p(mp.exp(x)), THREE, [0.0, 20.0, -87.0]),
    'silu': (F.silu, lambda x: x * sp.expit(x), lambda x: x / (1 + mp.exp(-x)), THREE, [0.0, -87.0]),
    'mish': (F.mish, mish64, lambda x: x * mp.tanh(mp.log1p(mp.exp(x))), THREE, [0.0, -87.0]),
    'logsigmoid': (F.logsigmoid, lambda x: np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x))),
                   lambda x: -mp.log1p(mp.exp(-x)), THREE, [0.0, 87.0]),
}
BINARY = {
    'pow': (torch.pow, np.power, mp.power),
    'atan2': (torch.atan2, np.arctan2, mp.atan2),
    'hypot': (torch.hypot, np.hypot, mp.hypot),
    'logaddexp': (torch.logaddexp, np.logaddexp, logaddexp_mp),
}
# Where NaN, infinities and signed zeros come from.
EDGES = [0.0, 1e-45, 1e-38, 1e-20, 0.5, 1.0, 1.5, 2.0, 3.0, 20.5, 89.0, 104.0, 2.0 ** 40, 3e38, INF]

DTYPES = {'f32': (torch.float32, np.float32, 24, -126), 'f64': (torch.float64, np.float64, 53, -1022)}


def ordered(dtype, low, high, count):
    """About `count` floats from low to high, evenly among their bit patterns."""
    real, whole = (np.float32, np.int32) if dtype == 'f32' else (np.float64, np.int64)

    def key(v):
        bits = int(real(v).view(whole))
        return bits if bits >= 0 else -(bits & int(np.iinfo(whole).max))

    a, b = key(low), key(high)
    step = max(1, (b - a) // count)
    keys = np.array([a + step * i for i in range(min(count, b - a) + 1)]) if dtype == 'f64' else np.arange(a, b + 1, step)
    keys = keys[keys <= b]
    bits = np.where(keys >= 0, keys, np.iinfo(whole).min - keys).astype(whole)
    return bits.view(real)


def arguments(name, dtype, low, high, count):
    """The sweep of a section: every binade, the middle linearly, and around the difficult points."""
    real = DTYPES[dtype][1]
    parts = [ordered(dtype, low, high, count // 2), np.linspace(max(low, -20.0), min(high, 20.0), count // 4).astype(real)]
    if low >= 100:
        parts.append(np.geomspace(low, min(high, 1e30), count // 4).astype(real))
    hard = [p for p in UNARY[name][4] if low <= p <= high]
    for p in hard:
        n = max(4, count // 4 // len(hard))
        near = p + np.geomspace(1e-8 if dtype == 'f32' else 1e-16, 0.1, n) * np.where(np.arange(n) % 2, 1, -1) * max(1.0, abs(p))
        parts.append(near.astype(real))
        step = np.spacing(real(abs(p) or 1)) * np.arange(-8, 9)
        parts.append((real(p) + step).astype(real))
    x = np.concatenate(parts)
    x = x[(x >= low) & (x <= high) & np.isfinite(x) & (x != 0)]
    if name == 'lgamma' or name == 'digamma':
        x = x[(x > 0) | (x != np.floor(x))]
    return x


def pairs(name, dtype, count):
    """Two low-discrepancy sequences, stretched over what the function takes."""
    i = np.arange(1, count + 1)
    u, v = i * 0.7548776662466927 % 1, i * 0.5698402909980532 % 1
    top = 127 if dtype == 'f32' else 1023
    if name == 'pow':
        # x over all binades, y so that the result is in range; a quarter of the x near 1.
        e = np.where(i % 4 == 0, (u - 0.5) * 0.01, (2 * u - 1) * top)
        y = (2 * v - 1) * (top + 20) / np.where(e == 0, 1, e)
        x, y = np.exp2(e), y
    elif name == 'logaddexp':
        x = (2 * u - 1) * 80
        y = x + (2 * v - 1) * 30
    else:
        x, y = (np.exp2((2 * w - 1) * top * 0.95) * np.where(i % k, 1, -1) for w, k in ((u, 3), (v, 2)))
        y = np.where(i % 5, x * np.exp2(40 * v - 20), y)
    real = DTYPES[dtype][1]
    return x.astype(real), y.astype(real)


def ulp_of(reference, dtype):
    """The size of an ulp of each rounded reference."""
    _, real, digits, lowest = DTYPES[dtype]
    magnitude = np.abs(reference.astype(real).astype(np.float64))
    _, e = np.frexp(magnitude)
    return np.exp2(np.maximum(e - 1, lowest).astype(np.float64) - (digits - 1))


def run(op, dtype, *xs):
    kind = DTYPES[dtype][0]
    return op(*(torch.from_numpy(np.ascontiguousarray(x)).to(kind) for x in xs)).numpy()


def errors32(got, want, scale):
    rounded = want.astype(np.float32)
    both = np.isfinite(got) & np.isfinite(rounded)
    e = np.abs(got.astype(np.float64) - want) / ulp_of(np.maximum(np.abs(want), scale), 'f32')
    same = (got == rounded) | (np.isnan(got) & np.isnan(rounded))
    return np.where(both, e, np.where(same, 0, INF))


def split(value, dtype):
    """mpmath's value as the nearest float and the rest in ulps."""
    real = DTYPES[dtype][1]
    if mp.isnan(value) or mp.isinf(value):
        return real(float(value)), 0.0
    high = real(float(value)) if dtype == 'f64' else np.float32(float(value))
    if not np.isfinite(high):
        return high, 0.0
    unit = ulp_of(np.array([high], dtype=np.float64), dtype)[0]
    return high, float((value - mp.mpf(float(high))) / mp.mpf(float(unit)))


def exactly(f, *xs):
    return f(*(mp.mpf(float(x)) for x in xs))


def scale_of(name, x, y):
    # The result may cancel: what is lost there is counted by the size of the operands.
    return np.maximum(np.abs(x), np.abs(y)).astype(np.float64) if name == 'logaddexp' else 0.0


def errors64(got, name, f, dtype, *xs):
    out = []
    for k in range(len(got)):
        high, rest = split(exactly(f, *(x[k] for x in xs)), dtype)
        if not np.isfinite(high) or not np.isfinite(got[k]):
            out.append(0.0 if got[k] == high or (np.isnan(got[k]) and np.isnan(high)) else INF)
            continue
        scale = scale_of(name, *(x[k] for x in xs)) if len(xs) > 1 else 0.0
        ratio = ulp_of(np.array([max(abs(float(high)), scale)]), dtype)[0] / ulp_of(np.array([float(high)]), dtype)[0]
        unit = ulp_of(np.array([float(high)]), dtype)[0]
        out.append(abs(float((mp.mpf(float(got[k])) - mp.mpf(float(high))) / mp.mpf(float(unit))) - rest) / ratio)
    return np.array(out)


def sections():
    for name, entry in UNARY.items():
        for low, high in entry[3]:
            yield name, low, high
    for name in BINARY:
        yield name, -INF, INF


def sweep(name, dtype, low, high, count):
    return pairs(name, dtype, count) if name in BINARY else (arguments(name, dtype, low, high, count),)


def pytorch():
    with open(HERE / 'pytorch.txt', 'w') as out:
        out.write(f'# torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}, by measure.py: function, from, to, '
                  'largest error in ulps in float32 (and where), in float64 (and where)\n')
        for name, low, high in sections():
            op, numpy_f, mp_f = (UNARY | BINARY)[name][:3]
            line = [name, repr(low), repr(high)]
            xs = sweep(name, 'f32', low, high, 1_500_000)
            e = errors32(run(op, 'f32', *xs), numpy_f(*(x.astype(np.float64) for x in xs)), scale_of(name, *xs) if len(xs) > 1 else 0.0)
            k = int(np.nanargmax(e))
            line += [f'{e[k]:.3f}', ','.join(repr(float(x[k])) for x in xs)]
            xs = sweep(name, 'f64', low, high, 1500)
            e = errors64(run(op, 'f64', *xs), name, mp_f, 'f64', *xs)
            k = int(np.nanargmax(e))
            line += [f'{e[k]:.3f}', ','.join(repr(float(x[k])) for x in xs)]
            print(*line, flush=True)
            out.write(' '.join(line) + '\n')


# Functions that Rust's standard library does not have in float64, so that float32 needs mpmath's values too.
ONLY_MPMATH = ['erf', 'erfc', 'erfinv', 'lgamma', 'digamma', 'i0']


def points(count, path):
    with open(path, 'w') as out:
        out.write('# mpmath\'s values, by measure.py: dtype, function, bits of the argument(s), bits of the value, the rest in ulps\n')
        for name, low, high in sections():
            mp_f = (UNARY | BINARY)[name][2]
            n = max(count // len(UNARY[name][3]) if name in UNARY else count, 40)
            for dtype in ['f64'] + (['f32'] if name in ONLY_MPMATH else []):
                whole, width = (np.uint32, 8) if dtype == 'f32' else (np.uint64, 16)
                xs = sweep(name, dtype, low, high, n)
                for k in range(len(xs[0])):
                    high_part, rest = split(exactly(mp_f, *(x[k] for x in xs)), dtype)
                    bits = ' '.join(f'{int(v.view(whole)):0{width}x}' for v in [*(x[k] for x in xs), high_part])
                    out.write(f'{dtype} {name} {bits} {rest:.4f}\n')


def edges():
    with open(HERE / 'edges.txt', 'w') as out:
        out.write('# PyTorch\'s results at the edges, by measure.py: dtype, function, bits of the argument(s), bits of the result\n')
        for name, entry in (UNARY | BINARY).items():
            for dtype in DTYPES:
                real = DTYPES[dtype][1]
                whole, width = (np.uint32, 8) if dtype == 'f32' else (np.uint64, 16)
                x = np.array([s * v for v in EDGES for s in (1, -1)] + [float('nan')], dtype=real)
                if name in BINARY:
                    few = np.array([0.0, -0.0, 1e-45, 0.5, 1.0, -1.0, 2.0, -3.0, 2.5, 3e38, INF, -INF, float('nan')], dtype=real)
                    xs = [a.ravel().copy() for a in np.meshgrid(few, few)]
                else:
                    xs = [x]
                # Long enough for the vectorised kernels: every value a whole register wide.
                got = run(entry[0], dtype, *(np.repeat(a, 64) for a in xs))[::64]
                for k in range(len(got)):
                    bits = ' '.join(f'{int(v.view(whole)):0{width}x}' for v in [*(a[k] for a in xs), got[k]])
                    out.write(f'{dtype} {name} {bits}\n')


if __name__ == '__main__':
    torch.set_num_threads(1)
    if '--points' in sys.argv:
        at = sys.argv.index('--points')
        points(int(sys.argv[at + 1]), sys.argv[at + 2])
    else:
        edges()
        points(120, HERE / 'points.txt')
        pytorch()

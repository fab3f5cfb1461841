//! Streams of PyTorch 2.13, as hashes of the bits of all numbers.

use cresset_lane::DType::{self, Bool, F32, F64, I32, I64, U8};

use super::{Elements, Generator, fill};

/// Lengths drawn one after the other: below a block of 16, whole blocks, a block and a tail, more than the engine's 624
/// words, and odd counts of words, so that a draw of two words lies across two of the engine's blocks.
const LENGTHS: [usize; 8] = [3, 16, 17, 1, 1000, 626, 33, 4097];

type Fill = fn(&mut Generator, Elements);

/// FNV-1a over the elements' bits.
fn hash(fill: Fill, dtype: DType) -> u64 {
    let mut g = Generator::new(5);
    let mut hash = 0xcbf2_9ce4_8422_2325;
    for n in LENGTHS {
        let mut memory = vec![0u64; n];
        let first = memory.as_mut_ptr().cast::<u8>();
        // Safety: eight bytes for each element are enough for any dtype.
        fill(&mut g, unsafe { Elements::new(first, dtype, n) });
        let bytes = unsafe { std::slice::from_raw_parts(first, n * dtype.size()) };
        for element in bytes.chunks(dtype.size()) {
            let bits = element.iter().rev().fold(0, |bits, b| bits << 8 | *b as u64);
            hash = (hash ^ bits).wrapping_mul(0x100_0000_01b3);
        }
    }
    hash
}

// torch.manual_seed(5), then torch.zeros(n).uniform_() and so on for each length.
#[test]
fn the_streams_of_pytorch() {
    #[rustfmt::skip]
    let expected: &[(Fill, DType, u64)] = &[
        (|g, x| fill::uniform(g, x, 0.0, 1.0), F32, 0x2d30177700fc60e9),
        (|g, x| fill::uniform(g, x, -0.036, 0.036), F32, 0x1f58bed29efb32b6),
        (|g, x| fill::uniform(g, x, 0.0, 1e-40), F32, 0x848a96333425c2b4),
        (|g, x| fill::normal(g, x, 0.0, 1.0, true), F32, 0x6ea9704861330194),
        (|g, x| fill::normal(g, x, 1.0, 0.3, true), F32, 0x10ff0d13163fd1f3),
        (|g, x| fill::uniform(g, x, 0.0, 1.0), F64, 0x44310c52eddd77dd),
        (|g, x| fill::uniform(g, x, -0.036, 0.036), F64, 0x70aa439e06c1de6a),
        (|g, x| fill::uniform(g, x, 0.0, 1e-40), F64, 0x0d2e14a400e9a6b0),
        (|g, x| fill::normal(g, x, 0.0, 1.0, true), F64, 0xdc53a898627dc5d3),
        (|g, x| fill::normal(g, x, 1.0, 0.3, true), F64, 0x564f8398b99f0944),
        (|g, x| fill::integers_of_type(g, x), F32, 0x522251c2f147a838),
        (|g, x| fill::integers(g, x, 0, 2), F32, 0x2539ea52d7c64d5f),
        (|g, x| fill::bernoulli(g, x, 0.9), F32, 0x8c953021f1464d5f),
        (|g, x| fill::integers_of_type(g, x), F64, 0xca7f83afd7837e34),
        (|g, x| fill::integers(g, x, 0, 2), F64, 0xabee056576464d5f),
        (|g, x| fill::bernoulli(g, x, 0.9), F64, 0x377e056576464d5f),
        (|g, x| fill::integers_of_type(g, x), I64, 0xc61ea12664039166),
        (|g, x| fill::integers(g, x, 0, 2), I64, 0xa609543563df42bc),
        (|g, x| fill::bernoulli(g, x, 0.9), I64, 0xd0be6630c8547b1d),
        (|g, x| fill::integers_of_type(g, x), I32, 0x386a45e9eb63a890),
        (|g, x| fill::integers(g, x, 0, 2), I32, 0xa609543563df42bc),
        (|g, x| fill::bernoulli(g, x, 0.9), I32, 0xd0be6630c8547b1d),
        (|g, x| fill::integers_of_type(g, x), U8, 0xe668352c1ff83790),
        (|g, x| fill::integers(g, x, 0, 2), U8, 0xa609543563df42bc),
        (|g, x| fill::bernoulli(g, x, 0.9), U8, 0xd0be6630c8547b1d),
        (|g, x| fill::integers_of_type(g, x), Bool, 0xa609543563df42bc),
        (|g, x| fill::integers(g, x, 0, 2), Bool, 0xa609543563df42bc),
        (|g, x| fill::bernoulli(g, x, 0.9), Bool, 0xd0be6630c8547b1d),
        (|g, x| fill::integers(g, x, -9, 10), I64, 0x24207f62bd515fc9),
        (|g, x| fill::integers(g, x, -7, (1 << 28) - 1), I64, 0x2e49822c9424d87b),
        (|g, x| fill::integers(g, x, -7, 1 << 28), I64, 0x328b785977c6ac9f),
        (|g, x| fill::integers(g, x, -9, 10), I32, 0x9fc70174bd515fc9),
        (|g, x| fill::integers(g, x, -7, (1 << 28) - 1), I32, 0x2e49822c9424d87b),
        (|g, x| fill::integers(g, x, -7, 1 << 28), I32, 0x328b785977c6ac9f),
        (|g, x| fill::integers(g, x, -9, 10), F64, 0xa576056576464d5f),
        (|g, x| fill::integers(g, x, -7, (1 << 28) - 1), F64, 0x18beb09a02464d5f),
        (|g, x| fill::integers(g, x, -7, 1 << 28), F64, 0x0c823c4174464d5f),
        (|g, x| fill::integers(g, x, -7, (1 << 40) + 1), I64, 0xe35d88ae9ce6b154),
        (|g, x| fill::integers(g, x, i64::MIN, 0), I64, 0x461ea12664039166),
        (|g, x| fill::Draw::Exponential { rate: 1.5 }.fill(g, x), F32, 0xce89c33f449ffbee),
        (|g, x| fill::Draw::Exponential { rate: 1.5 }.fill(g, x), F64, 0x675390654d3111d1),
    ];
    for (i, (fill, dtype, expected)) in expected.iter().enumerate() {
        assert_eq!(hash(*fill, *dtype), *expected, "row {i}: {dtype}");
    }
}

//! Copies, conversions, constants, choices.

use cresset_cpu::elementwise::{COPY, FILL, WHERE};
use cresset_lane::{Attr, DType};

use crate::testing::{Layout, Rng, Scene};

const DTYPES: [DType; 5] = [DType::F32, DType::I32, DType::I64, DType::U8, DType::Bool];
pub const LAYOUTS: [Layout; 4] = [Layout::RowMajor, Layout::At(3), Layout::At(4), Layout::Scattered];
pub const SHAPES: [&[usize]; 9] =
    [&[], &[1], &[7], &[4, 3], &[1027], &[3, 0, 2], &[2, 3, 4, 5], &[5, 1, 6], &[2, 2, 2, 2, 2, 2, 2, 2, 2]];

#[test]
fn copies_between_layouts_and_dtypes() {
    let mut rng = Rng(5);
    for shape in SHAPES {
        for from in DTYPES {
            for to in DTYPES {
                let (a, b) = (LAYOUTS[rng.below(4)], LAYOUTS[rng.below(4)]);
                let a = if rng.below(4) == 0 { Layout::Broadcast } else { a };
                // A float becomes an int64 only as far as 32 bits hold it.
                let values = [0.0, -0.0, 1.0, 255.0, 256.0, -1.0, 2.75, -2.75, 2147483520.0, -2147483648.0, 0.4];
                let wide = [3e9, -3e9, 1e18, 1e30, -1e30, f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
                let all = if to == DType::I64 { values.to_vec() } else { [&values[..], &wide[..]].concat() };
                let all = if from == DType::F32 { all } else { (-20..300).map(|v| v as f64 * 7919.0).collect() };
                let mut s = Scene::default();
                s.input(from, shape, a, &mut rng, |r| all[r.below(all.len())]);
                s.output(to, shape, b, &mut rng);
                s.check(COPY, 0.0, 0.0);
            }
        }
    }
}

#[test]
fn copies_keep_every_bit_of_a_nan() {
    let mut s = Scene::default();
    let mut rng = Rng(1);
    s.input(DType::F32, &[4], Layout::RowMajor, &mut rng, |_| 0.0);
    s.output(DType::F32, &[4], Layout::RowMajor, &mut rng);
    let bits = [0x7fc1_2345u32, 0xffff_ffff, 1, 0x8000_0000];
    s.memories[0].bytes[..16].copy_from_slice(&bits.map(u32::to_ne_bytes).concat());
    crate::testing::on_each(|gpu| {
        let k = crate::Kernel { name: "copy", program: None, demand: None };
        let after = s.on_gpu(gpu, k).unwrap();
        assert_eq!(after[1].bytes[..16], bits.map(u32::to_ne_bytes).concat());
    });
}

#[test]
fn fills_with_the_number_of_the_dtype() {
    let mut rng = Rng(6);
    for dtype in DTYPES {
        for layout in LAYOUTS {
            let mut s = Scene::default();
            s.output(dtype, &[3, 5, 2], layout, &mut rng);
            s.attrs(&[Attr::from(-2.5), Attr::from(-2i64)]);
            s.check(FILL, 0.0, 0.0);
        }
    }
}

#[test]
fn where_chooses() {
    let mut rng = Rng(7);
    for shape in SHAPES {
        for dtype in DTYPES {
            let mut s = Scene::default();
            s.input(DType::Bool, shape, LAYOUTS[rng.below(4)], &mut rng, |r| r.below(2) as f64);
            s.input(dtype, shape, LAYOUTS[rng.below(4)], &mut rng, |r| r.below(100) as f64);
            s.input(dtype, shape, Layout::Broadcast, &mut rng, |r| r.below(100) as f64);
            s.output(dtype, shape, LAYOUTS[rng.below(4)], &mut rng);
            s.check(WHERE, 0.0, 0.0);
        }
    }
}

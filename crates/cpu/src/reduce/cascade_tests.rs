//! Sums, bit by bit as PyTorch computes them (fixtures/sums.py).

use super::SUM;
use crate::View;
use crate::gemm::testing::{Owned, launch};
use crate::random::Generator;
use cresset_lane::Element;

fn list(text: &str) -> Vec<usize> {
    text.split(',').map(|n| n.parse().unwrap()).collect()
}

/// The hash of the sum's bytes.
fn sum<T: Element>(values: &[T], shape: &[usize], order: &[usize], dims: &[usize], bytes: fn(T) -> Vec<u8>) -> u64 {
    let mut x = Owned::zeros::<T>(shape);
    values.iter().enumerate().for_each(|(i, &v)| x.set::<T>(i, v));
    let sizes: Vec<usize> = order.iter().map(|&d| shape[d]).collect();
    let strides: Vec<isize> = order.iter().map(|&d| x.strides[d]).collect();
    let kept: Vec<usize> = (0..order.len()).map(|d| if dims.contains(&d) { 1 } else { sizes[d] }).collect();
    let out = Owned::zeros::<T>(&kept);
    launch(&SUM, &[View { shape: &sizes, strides: &strides, ..x.view() }], &[out.view()], &[1.0.into()]);
    let bytes = (0..out.numel()).flat_map(|i| bytes(out.get::<T>(i)));
    bytes.fold(0xcbf2_9ce4_8422_2325, |h, byte| (h ^ byte as u64).wrapping_mul(0x100_0000_01b3))
}

#[test]
fn sums_have_the_bits_of_pytorch() {
    let mut wrong = Vec::new();
    for line in include_str!("fixtures/sums.txt").lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let (shape, order, dims) = (list(words[0]), list(words[1]), list(words[2]));
        let n = shape.iter().product();
        let seed = shape.iter().sum::<usize>() as u64;

        let (mut g, mut h) = (Generator::new(seed), Generator::new(seed));
        let single: Vec<f32> = (0..n).map(|_| g.unit_f32() * 2.0 - 1.0).collect();
        let double: Vec<f64> = (0..n).map(|_| h.unit_f64() * 2.0 - 1.0).collect();

        let got = [
            sum(&single, &shape, &order, &dims, |v| v.to_le_bytes().to_vec()),
            sum(&double, &shape, &order, &dims, |v| v.to_le_bytes().to_vec()),
        ];
        for (got, want) in got.iter().zip(&words[3..]) {
            if format!("{got:016x}") != *want {
                wrong.push(line);
            }
        }
    }
    assert!(wrong.is_empty(), "{} differ: {:?}", wrong.len(), &wrong[..wrong.len().min(20)]);
}

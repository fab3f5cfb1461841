//! Small float32 products, bit by bit as PyTorch computes them (fixtures/products.py).

use super::testing::{Owned, launch};
use super::{DOT, MATMUL};
use crate::View;
use crate::random::Generator;

fn numbers(g: &mut Generator, shape: &[usize]) -> Owned {
    let mut t = Owned::zeros::<f32>(shape);
    for i in 0..t.numel() {
        t.set::<f32>(i, g.unit_f32() * 2.0 - 1.0);
    }
    t
}

fn fnv(t: &Owned) -> u64 {
    let bytes = (0..t.numel()).flat_map(|i| t.get::<f32>(i).to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |h, byte| (h ^ byte as u64).wrapping_mul(0x100_0000_01b3))
}

/// The matrix turned on its side.
fn turned<'a>(t: &'a Owned, shape: &'a [usize; 2], strides: &'a [isize; 2]) -> View<'a> {
    View { shape, strides, ..t.view() }
}

fn product(a: View, b: View, init: Option<View>) -> u64 {
    let out = Owned::zeros::<f32>(&[a.shape[0], b.shape[1]]);
    launch(&MATMUL, &[Some(a), Some(b), init].into_iter().flatten().collect::<Vec<_>>(), &[out.view()], &[]);
    fnv(&out)
}

#[test]
fn small_products_have_the_bits_of_pytorch() {
    let mut wrong = Vec::new();
    for line in include_str!("fixtures/products.txt").lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let size: Vec<usize> = words[..3].iter().map(|w| w.parse().unwrap()).collect();
        let want: Vec<u64> = words[3..].iter().map(|w| u64::from_str_radix(w, 16).unwrap()).collect();
        let [m, k, n] = size[..] else { panic!("three sizes") };
        let mut g = Generator::new((m * 1_000_000 + k * 1000 + n) as u64);
        let (a, b, c) = (numbers(&mut g, &[m, k]), numbers(&mut g, &[n, k]), numbers(&mut g, &[n]));
        let grad = numbers(&mut g, &[m, n]);

        let (kn, along_k) = ([k, n], [1, k as isize]);
        let (mn, spread) = ([m, n], [0, 1]);
        let bias = View { shape: &mn, strides: &spread, ..c.view() };
        let (nm, along_m) = ([n, m], [1, n as isize]);
        let got = [
            product(a.view(), turned(&b, &kn, &along_k), Some(bias)),
            product(a.view(), turned(&b, &kn, &along_k), None),
            product(grad.view(), b.view(), None),
            product(turned(&grad, &nm, &along_m), a.view(), None),
        ];
        for (i, what) in ["x @ w.T + b", "x @ w.T", "g @ w", "g.T @ x"].into_iter().enumerate() {
            if want.get(i).is_some_and(|want| *want != got[i]) {
                wrong.push(format!("{what} of {m} x {k} x {n}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} differ: {:?}", wrong.len(), &wrong[..wrong.len().min(20)]);
}

#[test]
fn short_dot_products_have_the_bits_of_pytorch() {
    for line in include_str!("fixtures/dots.txt").lines() {
        let (k, want) = line.split_once(' ').unwrap();
        let k: usize = k.parse().unwrap();
        let mut g = Generator::new(k as u64);
        let (a, b) = (numbers(&mut g, &[1, k]), numbers(&mut g, &[k, 1]));
        let out = Owned::zeros::<f32>(&[1, 1]);
        launch(&DOT, &[a.view(), b.view()], &[out.view()], &[]);
        assert_eq!(format!("{:016x}", fnv(&out)), want, "{k} terms");
    }
}

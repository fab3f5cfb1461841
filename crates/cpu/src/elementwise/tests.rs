//! Kernels on random layouts against naive loops.

use super::*;
use crate::{Attr, Kernel, Launch, View};
use cresset_lane::expr::arith;
use cresset_lane::{Bool, DType, Element};

/// A small generator (xorshift) so that layouts are many and repeatable.
struct Random(u64);
impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as usize % n
    }
}

/// Memory with a strided window on it.
struct Array<T> {
    data: Vec<T>,
    shape: Vec<usize>,
    strides: Vec<isize>,
    offset: usize,
}

impl<T: Element> Array<T> {
    fn view(&mut self) -> View<'_> {
        View {
            ptr: self.data.as_mut_ptr().wrapping_add(self.offset).cast(),
            dtype: T::DTYPE,
            shape: &self.shape,
            strides: &self.strides,
        }
    }

    fn place(&self, index: &[usize]) -> usize {
        let steps = index.iter().zip(&self.strides).map(|(&i, &s)| i as isize * s);
        (self.offset as isize + steps.sum::<isize>()) as usize
    }

    /// A window of this shape: permuted dimensions, gaps, negative and (if `broadcast`) zero strides.
    fn random(shape: &[usize], broadcast: bool, r: &mut Random) -> Array<T> {
        let mut order: Vec<usize> = (0..shape.len()).collect();
        if r.below(2) == 0 {
            for i in (1..order.len()).rev() {
                order.swap(i, r.below(i + 1));
            }
        }
        let plain = r.below(3) == 0;
        let mut strides = vec![0isize; shape.len()];
        let (mut size, mut offset) = (1usize, 0usize);
        for &d in order.iter().rev() {
            if broadcast && r.below(4) == 0 {
                continue;
            }
            let gap = if plain { 1 } else { 1 + r.below(2) };
            strides[d] = (size * gap) as isize;
            if !plain && r.below(5) == 0 && shape[d] > 0 {
                offset += size * gap * (shape[d] - 1);
                strides[d] = -strides[d];
            }
            size *= gap * shape[d].max(1);
        }
        let data = (0..size + 1).map(|_| T::from_f64(r.below(200) as f64 - 100.0)).collect();
        Array { data, shape: shape.to_vec(), strides, offset }
    }
}

fn indices(shape: &[usize]) -> Vec<Vec<usize>> {
    let mut all = vec![vec![]];
    for &n in shape {
        all = all.into_iter().flat_map(|i| (0..n).map(move |k| [i.clone(), vec![k]].concat())).collect();
    }
    all
}

fn shapes(r: &mut Random) -> Vec<usize> {
    match r.below(8) {
        0 => vec![],
        1 => vec![r.below(3000)],
        2 => vec![1 + r.below(4), 1 + r.below(900)],
        3 => vec![1 + r.below(700), 1 + r.below(5)],
        _ => (0..1 + r.below(5)).map(|_| 1 + r.below(7)).collect(),
    }
}

fn launch(kernel: Kernel, outs: &[View], ins: &[View], attrs: &[Attr]) {
    (kernel.run)(&Launch::new(outs, ins, attrs));
}

fn adds<T: Element>(seed: u64, naive: impl Fn(T, T) -> T) {
    const ADD: Kernel = num::<arith::add_alpha::Op>();
    let mut r = Random(seed);
    for _ in 0..300 {
        let shape = shapes(&mut r);
        let mut a = Array::<T>::random(&shape, true, &mut r);
        let mut b = Array::<T>::random(&shape, true, &mut r);
        let mut out = Array::<T>::random(&shape, false, &mut r);
        let before = out.data.clone();
        launch(ADD, &[out.view()], &[a.view(), b.view()], &[Attr::from(2.0)]);
        let mut expect = before;
        for i in indices(&shape) {
            expect[out.place(&i)] = naive(a.data[a.place(&i)], b.data[b.place(&i)]);
        }
        assert!(out.data == expect, "{shape:?} {:?} {:?} {:?}", a.strides, b.strides, out.strides);
    }
}

#[test]
fn add_on_any_layout() {
    adds::<f32>(1, |a, b| a + 2.0 * b);
    adds::<f64>(2, |a, b| a + 2.0 * b);
    adds::<i64>(3, |a, b| a + 2 * b);
    adds::<i32>(4, |a, b| a + 2 * b);
    adds::<u8>(5, |a, b| a.wrapping_add(b.wrapping_mul(2)));
}

#[test]
fn operands_with_fewer_dimensions_are_broadcast() {
    const MUL: Kernel = num::<arith::mul::Op>();
    let mut a = Array { data: vec![1f32, 2.0, 3.0], shape: vec![3, 1], strides: vec![1, 1], offset: 0 };
    let mut b = Array { data: vec![10f32, 20.0, 30.0, 40.0, 50.0], shape: vec![5], strides: vec![1], offset: 0 };
    let mut out = Array { data: vec![0f32; 15], shape: vec![3, 5], strides: vec![5, 1], offset: 0 };
    launch(MUL, &[out.view()], &[a.view(), b.view()], &[]);
    let expect: Vec<f32> = (0..15).map(|i| (i / 5 + 1) as f32 * ((i % 5 + 1) * 10) as f32).collect();
    assert_eq!(out.data, expect);
}

#[test]
fn in_place_on_any_layout() {
    const MUL: Kernel = num::<arith::mul::Op>();
    let mut r = Random(7);
    for _ in 0..200 {
        let shape = shapes(&mut r);
        let mut a = Array::<f32>::random(&shape, false, &mut r);
        let mut expect = a.data.clone();
        for i in indices(&shape) {
            expect[a.place(&i)] *= a.data[a.place(&i)];
        }
        let v = a.view();
        launch(MUL, &[v], &[v, v], &[]);
        assert!(a.data == expect, "{shape:?} {:?}", a.strides);
    }
}

fn copies<A: Element, B: Element>(seed: u64) {
    let mut r = Random(seed);
    for _ in 0..100 {
        let shape = shapes(&mut r);
        let mut from = Array::<A>::random(&shape, true, &mut r);
        let mut out = Array::<B>::random(&shape, false, &mut r);
        let mut expect = out.data.clone();
        launch(COPY, &[out.view()], &[from.view()], &[]);
        for i in indices(&shape) {
            expect[out.place(&i)] = B::from_f64(from.data[from.place(&i)].to_f64());
        }
        assert!(out.data == expect, "{shape:?} {:?} {:?}", from.strides, out.strides);
    }
}

#[test]
fn copy_between_layouts_and_dtypes() {
    copies::<f32, f32>(11);
    copies::<f64, f64>(12);
    copies::<u8, u8>(13);
    copies::<f32, i64>(14);
    copies::<i64, f32>(15);
    copies::<i32, u8>(16);
    copies::<f64, Bool>(17);
    copies::<Bool, f32>(18);
}

#[test]
fn copy_transposes_in_tiles() {
    let (n, m) = (70, 45);
    let mut from = Array {
        data: (0..n * m).map(|i| i as f32).collect(),
        shape: vec![m, n],
        strides: vec![1, m as isize],
        offset: 0,
    };
    let mut out = Array { data: vec![0f32; n * m], shape: vec![m, n], strides: vec![n as isize, 1], offset: 0 };
    launch(COPY, &[out.view()], &[from.view()], &[]);
    for (i, v) in out.data.iter().enumerate() {
        assert_eq!(*v, ((i % n) * m + i / n) as f32);
    }
}

#[test]
fn fill_uses_the_integer_for_integers() {
    let mut r = Random(21);
    for _ in 0..50 {
        let shape = shapes(&mut r);
        let mut out = Array::<i64>::random(&shape, false, &mut r);
        let mut expect = out.data.clone();
        launch(FILL, &[out.view()], &[], &[Attr::from(0.0), Attr::from((1i64 << 53) + 1)]);
        for i in indices(&shape) {
            expect[out.place(&i)] = (1 << 53) + 1;
        }
        assert_eq!(out.data, expect);
    }
}

#[test]
fn where_chooses_elements() {
    let mut r = Random(22);
    for _ in 0..100 {
        let shape = shapes(&mut r);
        let mut mask = Array::<Bool>::random(&shape, true, &mut r);
        mask.data.iter_mut().for_each(|v| v.0 = r.below(2) as u8);
        let mut a = Array::<f64>::random(&shape, true, &mut r);
        let mut b = Array::<f64>::random(&shape, true, &mut r);
        let mut out = Array::<f64>::random(&shape, false, &mut r);
        let mut expect = out.data.clone();
        launch(WHERE, &[out.view()], &[mask.view(), a.view(), b.view()], &[]);
        for i in indices(&shape) {
            let take = mask.data[mask.place(&i)].0 != 0;
            expect[out.place(&i)] = if take { a.data[a.place(&i)] } else { b.data[b.place(&i)] };
        }
        assert_eq!(out.data, expect);
    }
}

#[test]
fn empty_and_zero_dimensional() {
    const ADD: Kernel = num::<arith::add_alpha::Op>();
    let mut a = Array::<f32> { data: vec![3.0], shape: vec![], strides: vec![], offset: 0 };
    let mut empty = Array::<f32> { data: vec![], shape: vec![2, 0], strides: vec![0, 1], offset: 0 };
    let e = empty.view();
    launch(ADD, &[e], &[e, a.view()], &[Attr::from(1.0)]);
    let v = a.view();
    launch(ADD, &[v], &[v, v], &[Attr::from(1.0)]);
    assert_eq!(a.data, [6.0]);
    assert_eq!(a.view().dtype, DType::F32);
}

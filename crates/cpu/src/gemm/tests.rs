use super::*;
use crate::Attr;
use crate::gemm::testing::{Owned, Rng, assert_close, launch};
use cresset_lane::DType;

/// The definition, in float64.
fn naive<T: Num>(a: &Owned, b: &Owned, batch: usize, m: usize, n: usize, k: usize) -> Vec<f64> {
    let (a, b) = (a.values::<T>(), b.values::<T>());
    let mut c = vec![0.0; batch * m * n];
    for s in 0..batch {
        for i in 0..m {
            for j in 0..n {
                c[(s * m + i) * n + j] = (0..k).map(|p| a[(s * m + i) * k + p] * b[(s * k + p) * n + j]).sum();
            }
        }
    }
    c
}

fn check<T: Tiled>(rng: &mut Rng, batch: usize, m: usize, n: usize, k: usize, strided: bool) {
    let a = Owned::random::<T>(rng, &[batch, m, k], strided);
    let b = Owned::random::<T>(rng, &[batch, k, n], strided);
    let out = Owned::random::<T>(rng, &[batch, m, n], strided);
    let (rtol, atol) = match T::DTYPE {
        DType::F32 => (1e-5, 1e-6 * (k as f64).sqrt().max(1.0) * 4.0),
        DType::F64 => (1e-13, 1e-14 * (k as f64 + 1.0)),
        _ => (0.0, 0.0),
    };
    let what = format!("{} {batch} x ({m} x {k}) @ ({k} x {n}), strided {strided}", T::DTYPE);
    let want: Vec<f64> = naive::<T>(&a, &b, batch, m, n, k).iter().map(|&v| wrap::<T>(v)).collect();
    launch(&MATMUL, &[a.view(), b.view()], &[out.view()], &[]);
    assert_close(&out.values::<T>(), &want, rtol, atol, &what);

    // alpha, beta and something to add that is broadcast over rows or columns, then over nothing: the output itself.
    for keep in [[batch, m, n], [1, 1, n], [1, m, 1], [batch, 1, 1]] {
        let init = Owned::random::<T>(rng, &keep, strided);
        let mut view = init.view();
        let strides: Vec<isize> = (0..3).map(|d| if keep[d] == 1 { 0 } else { init.strides[d] }).collect();
        let shape = [batch, m, n];
        (view.shape, view.strides) = (&shape, &strides);
        let (alpha, beta) = if rng.below(2) == 0 { (1.0, 1.0) } else { (2.0, 3.0) };
        let attrs = if T::DTYPE.is_float() {
            [Attr::from(alpha), Attr::from(beta)]
        } else {
            [Attr::from(alpha as i64), Attr::from(beta as i64)]
        };
        let added = |i: usize| {
            let index = [i / n / m, i / n % m, i % n];
            let offset: isize = (0..3).map(|d| index[d] as isize * strides[d]).sum();
            unsafe { (*view.as_ptr::<T>().offset(offset)).to_f64() }
        };
        let want: Vec<f64> = naive::<T>(&a, &b, batch, m, n, k)
            .iter()
            .enumerate()
            .map(|(i, &v)| wrap::<T>(alpha * v + beta * added(i)))
            .collect();
        if keep == [batch, m, n] {
            let mut same = copy_of(&out);
            for (i, _) in want.iter().enumerate() {
                same.set::<T>(i, init.get::<T>(i));
            }
            launch(&MATMUL, &[a.view(), b.view(), same.view()], &[same.view()], &attrs);
            assert_close(&same.values::<T>(), &want, 4.0 * rtol, 4.0 * atol, &format!("{what}, in place"));
        }
        launch(&MATMUL, &[a.view(), b.view(), view], &[out.view()], &attrs);
        assert_close(&out.values::<T>(), &want, 4.0 * rtol, 4.0 * atol, &format!("{what}, adding {keep:?}"));
    }
}

fn copy_of(t: &Owned) -> Owned {
    Owned { data: t.data.clone(), dtype: t.dtype, shape: t.shape.clone(), strides: t.strides.clone(), start: t.start }
}

fn wrap<T: Num>(v: f64) -> f64 {
    if T::DTYPE.is_float() { v } else { T::from_i64(v as i64).to_f64() }
}

#[test]
fn products_of_many_shapes_equal_the_definition() {
    let mut rng = Rng::new(1);
    let sizes = [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 50];
    for round in 0..160 {
        let pick = |rng: &mut Rng| sizes[rng.below(sizes.len())];
        let (batch, m, n, k) = ([0, 1, 1, 2, 3][rng.below(5)], pick(&mut rng), pick(&mut rng), pick(&mut rng));
        check::<f32>(&mut rng, batch, m, n, k, round % 2 == 1);
        check::<f64>(&mut rng, batch, m, n, k, round % 2 == 1);
        if round % 4 < 2 {
            check::<i64>(&mut rng, batch, m, n, k, round % 2 == 1);
        }
    }
}

#[test]
fn products_beyond_one_block_equal_the_definition() {
    let mut rng = Rng::new(2);
    for (m, n, k) in [(98, 1030, 6), (98, 18, 390), (7, 12, 800), (1, 300, 900), (300, 1, 900), (3, 1030, 40)] {
        for strided in [false, true] {
            check::<f32>(&mut rng, 1, m, n, k, strided);
        }
    }
}

/// Every orientation of contiguous operands, since each has its own packing.
#[test]
fn transposed_operands_are_read_in_place() {
    let mut rng = Rng::new(3);
    for (m, n, k) in [(1, 40, 60), (2, 40, 60), (40, 1, 60), (40, 3, 60), (64, 70, 66), (1, 1, 1000), (20, 20, 20)] {
        let plain = |rng: &mut Rng, r: usize, c: usize| Owned::random::<f32>(rng, &[r, c], false);
        let (a, b) = (plain(&mut rng, m, k), plain(&mut rng, k, n));
        let turn = |x: &Owned| {
            let mut t = Owned::zeros::<f32>(&[x.shape[1], x.shape[0]]);
            for i in 0..x.shape[0] {
                for j in 0..x.shape[1] {
                    t.set::<f32>(j * x.shape[0] + i, x.get::<f32>(i * x.shape[1] + j));
                }
            }
            t.strides.swap(0, 1);
            t.shape.swap(0, 1);
            t
        };
        let want = naive::<f32>(&a, &b, 1, m, n, k);
        for turned in 0..8 {
            let a = if turned & 1 == 0 { copy_of(&a) } else { turn(&a) };
            let b = if turned & 2 == 0 { copy_of(&b) } else { turn(&b) };
            let out = if turned & 4 == 0 { plain(&mut rng, m, n) } else { turn(&plain(&mut rng, m, n)) };
            launch(&MATMUL, &[a.view(), b.view()], &[out.view()], &[]);
            assert_close(&out.values::<f32>(), &want, 1e-5, 4e-5, &format!("{m} {n} {k}, turned {turned:03b}"));
        }
    }
}

/// A weight shared by a batch is one product with more rows, and gives the same bits as row by row blocks.
#[test]
fn a_broadcast_operand_merges_the_batch() {
    let mut rng = Rng::new(4);
    // Large enough that one of them is no small product, which has an order of its own.
    let (batch, m, n, k) = (5, 40, 40, 50);
    let a = Owned::random::<f32>(&mut rng, &[batch, m, k], false);
    let b = Owned::random::<f32>(&mut rng, &[1, k, n], false);
    let mut spread = b.view();
    let (shape, strides) = ([batch, k, n], [0, n as isize, 1]);
    (spread.shape, spread.strides) = (&shape, &strides);
    let out = Owned::zeros::<f32>(&[batch, m, n]);
    let (ins, outs) = ([a.view(), spread], [out.view()]);
    let call = Launch::new(&outs, &ins, &[]);
    let product = Product::<f32>::new(&call);
    assert_eq!((product.size.m, product.batch.len()), (batch * m, 0));
    launch(&MATMUL, &ins, &outs, &[]);
    let one = Owned::zeros::<f32>(&[m, n]);
    let mut a3 = a.view();
    a3.ptr = a3.ptr.wrapping_add(3 * m * k * 4);
    (a3.shape, a3.strides) = (&a.shape[1..], &a.strides[1..]);
    let b2 = View { shape: &b.shape[1..], strides: &b.strides[1..], ..b.view() };
    launch(&MATMUL, &[a3, b2], &[one.view()], &[]);
    let all = out.values::<f32>();
    assert_eq!(one.values::<f32>(), all[3 * m * n..4 * m * n]);
}

#[test]
fn every_tile_gives_the_same_bits() {
    let mut rng = Rng::new(5);
    let (m, n, k) = (70, 90, 500);
    let a = Owned::random::<f32>(&mut rng, &[m, k], false);
    let b = Owned::random::<f32>(&mut rng, &[k, n], true);
    let [a, b] = [&a, &b].map(|x| mat::<f32>(&x.view()));
    let size = Size { m, n, k };
    let results = tile::F32_TILES.map(|tile| {
        let mut c = vec![0f32; m * n];
        let out = Output { ptr: c.as_mut_ptr(), row: n as isize, cols: Columns::Even(1), alpha: 1.0, init: None };
        let left = Strided { ptr: a.ptr, line: a.row, k: a.col };
        let right = Strided { ptr: b.ptr, line: b.col, k: b.row };
        let mut work = vec![0f32; block::scratch(&tile, size)];
        unsafe { blocked(&tile, size, Left::Operand(&left), Right::Operand(&right), &out, work.as_mut_ptr()) };
        c
    });
    assert!(results.windows(2).all(|w| w[0] == w[1]));
}

#[test]
fn picking_a_tile_takes_the_fastest() {
    // A clock that stands still chooses nothing.
    assert_eq!(pick_tile(|| 0.0), 0);
    assert_eq!(tile::fastest(&[3.0, 2.0, 1.0], 0), 2);
    assert_eq!(tile::fastest(&[1.0, 2.0, 3.0], 2), 0);
    // Too near to the one in use, and too short for the clock.
    assert_eq!(tile::fastest(&[1.0, 0.96], 0), 0);
    assert_eq!(tile::fastest(&[1.0, 0.0], 0), 0);
}

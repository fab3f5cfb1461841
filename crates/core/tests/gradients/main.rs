//! Gradients of products, convolutions, pools and their kin against finite differences, twice.

mod check;
mod linalg;
mod nn;

use check::{Rng, check};
use cresset_core::call::OneOrMore;
use cresset_core::{Result, Scalar, Tensor, ops};

fn leaves(seed: u64, shapes: &[&[usize]]) -> Vec<Tensor> {
    let mut rng = Rng::new(seed);
    shapes.iter().map(|s| rng.leaf(s)).collect()
}

/// Values and indices.
fn both(r: OneOrMore) -> (Tensor, Tensor) {
    match r {
        OneOrMore::More(mut list) if list.len() == 2 => (list.remove(0), list.remove(0)),
        _ => panic!("expected values and indices"),
    }
}

#[test]
fn products() {
    let two = |a: &[usize], b: &[usize]| leaves(1, &[a, b]);
    check("mm", &two(&[2, 3], &[3, 4]), &|x| ops::mm(&x[0], &x[1]));
    check("mv", &two(&[2, 3], &[3]), &|x| ops::mv(&x[0], &x[1]));
    check("dot", &two(&[3], &[3]), &|x| ops::dot(&x[0], &x[1]));
    check("outer", &two(&[3], &[2]), &|x| ops::outer(&x[0], &x[1]));
    check("inner", &two(&[2, 3], &[4, 3]), &|x| ops::inner(&x[0], &x[1]));
    check("bmm", &two(&[2, 2, 3], &[2, 3, 2]), &|x| ops::bmm(&x[0], &x[1]));
    for (a, b) in [
        (&[3][..], &[3, 2][..]),
        (&[2, 2, 3], &[3, 2]),
        (&[2, 2, 3], &[3]),
        (&[3], &[2, 3, 2]),
        (&[2, 3], &[2, 3, 2]),
        (&[2, 1, 2, 3], &[3, 3, 2]),
    ] {
        check(&format!("matmul {a:?} {b:?}"), &two(a, b), &|x| ops::matmul(&x[0], &x[1]));
    }
    check("kron", &two(&[2, 2], &[3]), &|x| ops::kron(&x[0], &x[1]));
    check("tensordot", &two(&[2, 3, 4], &[3, 4, 2]), &|x| ops::tensordot(&x[0], &x[1], 2));
    check("vecdot", &two(&[2, 3], &[3]), &|x| ops::vecdot(&x[0], &x[1], -1));
}

#[test]
fn sums_with_products() {
    let (beta, alpha) = (Scalar::Float(0.5), Scalar::Float(-1.5));
    check("addmm", &leaves(2, &[&[4], &[2, 3], &[3, 4]]), &|x| ops::addmm(&x[0], &x[1], &x[2], beta, alpha));
    check("addmv", &leaves(3, &[&[1], &[2, 3], &[3]]), &|x| ops::addmv(&x[0], &x[1], &x[2], beta, alpha));
    check("addr", &leaves(4, &[&[2, 3], &[2], &[3]]), &|x| ops::addr(&x[0], &x[1], &x[2], beta, alpha));
    let three = leaves(5, &[&[2, 1, 4], &[2, 2, 3], &[2, 3, 4]]);
    check("baddbmm", &three, &|x| ops::baddbmm(&x[0], &x[1], &x[2], beta, alpha));
    let three = leaves(6, &[&[2, 4], &[2, 2, 3], &[2, 3, 4]]);
    check("addbmm", &three, &|x| ops::addbmm(&x[0], &x[1], &x[2], beta, alpha));
    for shape in [&[3][..], &[2, 3], &[2, 2, 3]] {
        let with = leaves(7, &[shape, &[4, 3], &[4]]);
        check(&format!("linear {shape:?}"), &with, &|x| ops::linear(&x[0], &x[1], Some(&x[2])));
        check(&format!("linear {shape:?}, no bias"), &with[..2], &|x| ops::linear(&x[0], &x[1], None));
    }
    let three = leaves(8, &[&[2, 3], &[2, 4], &[2, 3, 4], &[2]]);
    check("bilinear", &three, &|x| ops::bilinear(&x[0], &x[1], &x[2], Some(&x[3])));
    let chain = leaves(9, &[&[2, 3], &[3, 1], &[1, 4], &[4]]);
    check("multi_dot", &chain, &ops::multi_dot);
}

#[test]
fn einsum() {
    for (equation, shapes) in [
        ("ij,jk->ik", &[&[2, 3][..], &[3, 4]][..]),
        ("bij,bjk", &[&[2, 2, 3], &[2, 3, 2]]),
        ("ii", &[&[3, 3]]),
        ("ii->i", &[&[3, 3]]),
        ("i,j,k->kji", &[&[2], &[3], &[2]]),
        ("...ij,...jk->...ik", &[&[2, 1, 2, 3], &[3, 3, 2]]),
        ("ij->", &[&[2, 3]]),
        ("bn,anm,bm->ba", &[&[2, 3], &[4, 3, 2], &[2, 2]]),
        ("ij,jk", &[&[2, 1], &[3, 2]]),
        ("Ab,bA", &[&[2, 3], &[3, 2]]),
    ] {
        check(&format!("einsum {equation}"), &leaves(10, shapes), &|x| ops::einsum(equation, x));
    }
}

#[test]
fn convolutions() {
    let three = leaves(20, &[&[2, 2, 7], &[4, 1, 3], &[4]]);
    check("conv1d", &three, &|x| ops::conv1d(&x[0], &x[1], Some(&x[2]), &[2], &[1], &[2], 2));
    check("conv1d same", &three, &|x| ops::conv1d_word(&x[0], &x[1], None, &[1], "same", &[1], 2));
    let three = leaves(21, &[&[1, 2, 5, 4], &[3, 2, 3, 2], &[3]]);
    check("conv2d", &three, &|x| ops::conv2d(&x[0], &x[1], Some(&x[2]), &[2, 1], &[1], &[1], 1));
    let three = leaves(22, &[&[2, 3, 3, 2], &[2, 1, 2, 2, 1]]);
    check("conv3d", &three, &|x| ops::conv3d(&x[0], &x[1], None, &[1], &[1, 0, 0], &[1], 2));
    let three = leaves(23, &[&[1, 2, 3, 3], &[2, 2, 3, 2], &[2]]);
    check("conv_transpose2d", &three, &|x| {
        ops::conv_transpose2d(&x[0], &x[1], Some(&x[2]), &[2], &[1, 0], &[1, 0], 1, &[1])
    });
    let two = leaves(24, &[&[1, 4, 3], &[4, 1, 3]]);
    check("conv_transpose1d", &two, &|x| ops::conv_transpose1d(&x[0], &x[1], None, &[1], &[0], &[0], 2, &[2]));
}

#[test]
fn pools() {
    let x = leaves(30, &[&[2, 2, 5, 6]]);
    let one = |r: Result<OneOrMore>| r.map(|r| both(r).0);
    check("max_pool2d", &x, &|x| one(ops::max_pool2d(&x[0], &[3, 2], Some(&[2]), &[1], &[1, 2], true, true)));
    check("avg_pool2d", &x, &|x| ops::avg_pool2d(&x[0], &[3, 2], None, &[1, 0], true, false, None));
    check("avg_pool2d, divisor", &x, &|x| ops::avg_pool2d(&x[0], &[2], Some(&[1]), &[0], false, true, Some(3)));
    check("adaptive_avg_pool2d", &x, &|x| ops::adaptive_avg_pool2d(&x[0], &[Some(3), None]));
    check("adaptive_max_pool2d", &x, &|x| one(ops::adaptive_max_pool2d(&x[0], &[Some(2)], true)));
    let x = leaves(31, &[&[2, 6]]);
    check("avg_pool1d", &x, &|x| ops::avg_pool1d(&x[0], &[2], None, &[0], false, true));
    check("max_unpool1d", &x, &|x| {
        let (v, i) = both(ops::max_pool1d(&x[0], &[2], None, &[0], &[1], false, true)?);
        ops::max_unpool1d(&v, &i, &[2], None, &[0], None)
    });
}

#[test]
fn padding_and_resizing() {
    let x = leaves(40, &[&[1, 2, 4, 5]]);
    for (mode, pad) in [
        ("constant", &[1, 2, -1, 1][..]),
        ("reflect", &[1, 2, 3, 0]),
        ("replicate", &[2, 0, 1, -2]),
        ("circular", &[1, 2, -1, 3]),
    ] {
        check(&format!("pad {mode}"), &x, &|x| ops::pad(&x[0], pad, mode, None));
    }
    for (mode, align) in [
        ("nearest", None),
        ("nearest-exact", None),
        ("bilinear", Some(true)),
        ("bilinear", None),
        ("bicubic", Some(false)),
        ("area", None),
    ] {
        check(&format!("interpolate {mode}"), &x, &|x| {
            ops::interpolate(&x[0], Some(&[3, 7]), None, mode, align, None, false)
        });
    }
    check("interpolate, antialiased", &x, &|x| {
        ops::interpolate(&x[0], Some(&[2, 3]), None, "bilinear", None, None, true)
    });
    check("unfold", &x, &|x| ops::im2col(&x[0], &[2, 3], &[1, 2], &[1], &[2, 1]));
    let columns = leaves(41, &[&[1, 8, 6]]);
    check("fold", &columns, &|x| ops::fold(&x[0], &[3, 4], &[2], &[1], &[0], &[1]));
    let x = leaves(42, &[&[1, 4, 2, 4]]);
    check("pixel_shuffle", &x, &|x| ops::pixel_shuffle(&x[0], 2));
    check("pixel_unshuffle", &x, &|x| ops::pixel_unshuffle(&x[0], 2));
    check("channel_shuffle", &x, &|x| ops::channel_shuffle(&x[0], 2));
}

#[test]
fn rarer_pools_and_distances() {
    let x = leaves(50, &[&[1, 2, 5, 6]]);
    let samples = Tensor::from_slice(&[0.2f64, 0.7, 0.9, 0.1], &[1, 2, 2]).unwrap();
    check("fractional_max_pool2d", &x, &|x| {
        ops::fractional_max_pool2d(&x[0], &[2], Some(&[3, 2]), None, true, Some(&samples)).map(|r| both(r).0)
    });
    check("lp_pool2d", &x, &|x| ops::lp_pool2d(&ops::abs(&x[0])?, 3.0, &[2], None, false));
    let mode = "use_mm_for_euclid_dist";
    for p in [0.0, 1.0, 1.5, 2.0, 3.0] {
        check(&format!("cdist {p}"), &leaves(51, &[&[3, 4], &[2, 2, 4]]), &|x| ops::cdist(&x[0], &x[1], p, mode));
        check(&format!("pdist {p}"), &leaves(52, &[&[4, 3]]), &|x| ops::pdist(&x[0], p));
    }
    check("affine_grid", &leaves(53, &[&[2, 2, 3]]), &|x| ops::affine_grid(&x[0], &[2, 1, 2, 3], None));
}

/// PyTorch has no second derivative of sampling, so only the first is compared.
#[test]
fn sampling() {
    use cresset_core::autograd;
    for (mode, padding, align) in [
        ("bilinear", "zeros", false),
        ("bilinear", "border", true),
        ("bilinear", "reflection", false),
        ("bicubic", "zeros", false),
        ("bicubic", "reflection", true),
    ] {
        let x = leaves(54, &[&[2, 2, 4, 5], &[2, 2, 3, 2]]);
        let f = |x: &[Tensor]| {
            ops::grid_sample(&x[0], &ops::mul(&x[1], &Tensor::number(1.3)?)?, mode, padding, Some(align))
        };
        let out = f(&x).unwrap();
        let ones = Tensor::ones(out.shape(), out.dtype()).unwrap();
        let grads = autograd::grad(&[out], &[Some(ones.clone())], &x, false, false).unwrap();
        check::compare(&f, &x, &ones, &grads, &format!("grid_sample {mode} {padding} {align}"));
    }
}

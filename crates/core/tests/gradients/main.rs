//! Gradients of products, convolutions, pools and their kin against finite differences, twice.

mod check;

use check::{Rng, check};
use cresset_core::{Scalar, Tensor, ops};

fn leaves(seed: u64, shapes: &[&[usize]]) -> Vec<Tensor> {
    let mut rng = Rng::new(seed);
    shapes.iter().map(|s| rng.leaf(s)).collect()
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

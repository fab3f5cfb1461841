//! The graph: values, views, writes in place, depth, and PyTorch's errors.

use std::cell::Cell;
use std::rc::Rc;

use cresset_core::autograd::{self, Hook, backward, grad};
use cresset_core::{ErrorKind, Result, Tensor, ops};

fn leaf(data: &[f64], shape: &[usize]) -> Tensor {
    let t = Tensor::from_slice(data, shape).unwrap();
    t.set_requires_grad(true);
    t
}

fn values(t: &Tensor) -> Vec<f64> {
    t.to_vec().unwrap()
}

fn grad_of(t: &Tensor) -> Vec<f64> {
    values(&t.grad().expect("a gradient"))
}

fn sum(t: &Tensor) -> Result<Tensor> {
    ops::sum_dim(t, None, false, None)
}

#[test]
fn products_and_sums_accumulate_over_every_path() -> Result<()> {
    let (x, y) = (leaf(&[1.0, 2.0, 3.0], &[3]), leaf(&[4.0], &[1]));
    let z = ops::add(&ops::mul(&x, &y)?, &ops::mul(&x, &x)?)?;
    assert_eq!(z.grad_fn().unwrap().name, "AddBackward0");
    backward(&[sum(&z)?], &[None], false, false, None)?;
    assert_eq!(grad_of(&x), [6.0, 8.0, 10.0]);
    assert_eq!(grad_of(&y), [6.0]);
    Ok(())
}

#[test]
fn gradients_of_gradients() -> Result<()> {
    let x = leaf(&[2.0], &[1]);
    let cube = ops::mul(&ops::mul(&x, &x)?, &x)?;
    let first = grad(&[cube], &[None], &[x.clone()], true, true)?[0].clone().unwrap();
    assert_eq!(values(&first), [12.0]);
    let second = grad(&[first], &[None], &[x.clone()], true, true)?[0].clone().unwrap();
    assert_eq!(values(&second), [12.0]);
    let third = grad(&[second], &[None], &[x], false, false)?[0].clone().unwrap();
    assert_eq!(values(&third), [6.0]);
    Ok(())
}

#[test]
fn views_send_gradients_to_where_they_point() -> Result<()> {
    let x = leaf(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &[2, 3]);
    let v = ops::select(&ops::transpose(&x, 0, 1)?, 0, -1)?;
    assert_eq!(values(&v), [3.0, 6.0]);
    let w = ops::slice(&x, 1, Some(0), None, 2)?;
    backward(&[ops::add(&sum(&ops::mul(&v, &v)?)?, &sum(&w)?)?], &[None], false, false, None)?;
    assert_eq!(grad_of(&x), [1.0, 0.0, 7.0, 1.0, 0.0, 13.0]);
    Ok(())
}

#[test]
fn overlapping_windows_add_up() -> Result<()> {
    let x = leaf(&[1.0, 2.0, 3.0, 4.0], &[4]);
    backward(&[sum(&ops::unfold(&x, 0, 2, 1)?)?], &[None], false, false, None)?;
    assert_eq!(grad_of(&x), [1.0, 2.0, 2.0, 1.0]);
    Ok(())
}

#[test]
fn a_write_through_a_view_reaches_the_base() -> Result<()> {
    let (x, w) = (leaf(&[1.0, 2.0, 3.0], &[3]), leaf(&[10.0], &[1]));
    let base = ops::mul(&x, &x)?;
    let view = ops::slice(&base, 0, Some(0), Some(1), 1)?;
    autograd::inplace("mul_", &view, true, |v| ops::mul(v, &w))?;
    assert_eq!(values(&base), [10.0, 4.0, 9.0]);
    assert_eq!(base.grad_fn().unwrap().name, "CopySlices");
    assert_eq!(view.grad_fn().unwrap().name, "AsStridedBackward0");
    backward(&[sum(&base)?], &[None], false, false, None)?;
    assert_eq!(grad_of(&x), [20.0, 4.0, 6.0]);
    assert_eq!(grad_of(&w), [1.0]);
    Ok(())
}

#[test]
fn other_views_see_the_new_history() -> Result<()> {
    let w = leaf(&[3.0], &[]);
    let base = Tensor::zeros(&[2, 2], cresset_core::DType::F64)?;
    let (row, column) = (ops::select(&base, 0, 0)?, ops::select(&base, 1, 0)?);
    assert!(!column.requires_grad());
    autograd::inplace::copy_into("copy_", &row, &w)?;
    assert!(column.requires_grad() && base.requires_grad());
    backward(&[sum(&column)?], &[None], false, false, None)?;
    assert_eq!(grad_of(&w), [1.0]);
    Ok(())
}

#[test]
fn errors_name_the_cause() -> Result<()> {
    let x = leaf(&[1.0, 2.0], &[2]);
    let y = ops::mul(&x, &x)?;
    let e = backward(&[y.clone()], &[None], false, false, None).unwrap_err();
    assert!(e.message().contains("only for scalar outputs"), "{e}");
    let s = sum(&y)?;
    backward(&[s.clone()], &[None], false, false, None)?;
    let e = backward(&[s], &[None], false, false, None).unwrap_err();
    assert!(e.kind() == ErrorKind::Autograd && e.message().contains("second time"), "{e}");
    let e = autograd::inplace("add_", &x, true, |v| ops::add(v, v)).unwrap_err();
    assert!(e.message().contains("a leaf Variable that requires grad"), "{e}");
    let y = ops::mul(&x, &x)?;
    let z = ops::mul(&y, &y)?;
    autograd::inplace("add_", &y, true, |v| ops::add(v, &Tensor::number(1)?))?;
    let e = backward(&[sum(&z)?], &[None], false, false, None).unwrap_err();
    assert!(e.message().contains("modified by an inplace operation"), "{e}");
    let (scores, target) = (leaf(&[0.5, -1.0], &[1, 2]), Tensor::from_slice(&[1i64], &[1])?);
    for smoothing in [0.0, 0.1] {
        let e = ops::cross_entropy(&scores, &target, Some(&x), -100, "mean", smoothing).unwrap_err();
        assert!(e.kind() == ErrorKind::Runtime && e.message().contains("for 'weight' is not implemented"), "{e}");
    }
    let fixed = ops::cross_entropy(&scores, &target, Some(&x.detach()), -100, "mean", 0.0)?;
    assert!(fixed.grad_fn().is_some());
    Ok(())
}

#[test]
fn a_deep_chain_needs_no_deep_stack() -> Result<()> {
    let x = leaf(&[1.0], &[1]);
    let one = Tensor::number(1.0)?;
    let mut y = x.clone();
    for i in 0..100_000 {
        y = if i % 2 == 0 { ops::mul(&y, &one)? } else { ops::add(&y, &one)? };
    }
    backward(&[y.clone()], &[None], true, false, None)?;
    assert_eq!(grad_of(&x), [1.0]);
    drop(y);
    Ok(())
}

#[test]
fn hooks_see_and_replace_gradients() -> Result<()> {
    let x = leaf(&[1.0], &[1]);
    let y = ops::mul(&x, &x)?;
    autograd::register_hook(&y, Hook::Native(Rc::new(|g| ops::mul(g, &Tensor::number(10)?).map(Some))));
    autograd::retain_grad(&y);
    backward(&[y.clone()], &[None], false, false, None)?;
    assert_eq!(grad_of(&x), [20.0]);
    assert_eq!(grad_of(&y), [10.0]);
    Ok(())
}

#[test]
fn a_composed_op_is_one_node() -> Result<()> {
    let (m, v) = (leaf(&[0.0, 0.0, 0.0, 0.0], &[2, 2]), leaf(&[3.0, 4.0], &[2]));
    let out = ops::addr(&m, &v, &v, 1.into(), 1.into())?;
    let node = out.grad_fn().expect("a node");
    assert_eq!(node.name, "AddrBackward0");
    let leaves: Vec<Tensor> = node.inputs().iter().flatten().filter_map(|e| e.node.leaf()).collect();
    assert!(leaves[0].same(&m) && leaves[1].same(&v) && leaves[2].same(&v));
    // A tensor given twice gets its gradient once, and its hooks run once.
    let seen = Rc::new(Cell::new(0));
    let count = seen.clone();
    autograd::register_hook(
        &v,
        Hook::Native(Rc::new(move |_| {
            count.set(count.get() + 1);
            Ok(None)
        })),
    );
    backward(&[sum(&out)?], &[None], false, false, None)?;
    assert_eq!(grad_of(&v), [14.0, 14.0]);
    assert_eq!(grad_of(&m), [1.0; 4]);
    assert_eq!(seen.get(), 1);
    let again = backward(&[sum(&out)?], &[None], false, false, None).unwrap_err();
    assert!(again.message().contains("Trying to backward through the graph a second time"));
    Ok(())
}

#[test]
fn a_composed_op_has_gradients_of_gradients() -> Result<()> {
    // d2/dx2 of x 2^y is 0, of y it is x 2^y ln(2)^2, and of both it is 2^y ln 2.
    let (x, y) = (leaf(&[3.0], &[1]), leaf(&[2.0], &[1]));
    let inputs = [x.clone(), y.clone()];
    let out = ops::ldexp(&x, &y)?;
    let first = grad(&[out], &[None], &inputs, true, true)?;
    let (dx, dy) = (first[0].clone().unwrap(), first[1].clone().unwrap());
    let ln2 = std::f64::consts::LN_2;
    assert_eq!(values(&dx), [4.0]);
    assert!((values(&dy)[0] - 12.0 * ln2).abs() < 1e-12);
    let of_dx = grad(&[dx], &[None], &inputs, true, false)?;
    let of_dy = grad(&[dy], &[None], &inputs, false, false)?;
    assert!(of_dx[0].is_none());
    assert!((values(of_dx[1].as_ref().unwrap())[0] - 4.0 * ln2).abs() < 1e-12);
    assert!((values(of_dy[0].as_ref().unwrap())[0] - 4.0 * ln2).abs() < 1e-12);
    assert!((values(of_dy[1].as_ref().unwrap())[0] - 12.0 * ln2 * ln2).abs() < 1e-12);
    Ok(())
}

#[test]
fn a_composed_op_saves_and_frees_as_its_parts() -> Result<()> {
    let x = ops::mul(&leaf(&[1.0, 2.0], &[2]), &leaf(&[2.0], &[1]))?;
    let before = x.holders();
    let out = ops::ldexp(&x, &leaf(&[1.0, 1.0], &[2]))?;
    assert!(x.holders() > before);
    backward(&[sum(&out)?], &[None], false, false, None)?;
    assert_eq!(x.holders(), before);
    // What a part saved must not have changed.
    let x = ops::mul(&leaf(&[1.0, 2.0], &[2]), &leaf(&[2.0], &[1]))?;
    let out = ops::ldexp(&x, &leaf(&[1.0, 1.0], &[2]))?;
    autograd::inplace("exp_", &x, true, ops::exp)?;
    let changed = backward(&[sum(&out)?], &[None], false, false, None).unwrap_err();
    assert_eq!(changed.kind(), ErrorKind::Autograd);
    assert!(changed.message().contains("modified by an inplace operation"));
    // What the op itself gave may: nobody saved it.
    let x = leaf(&[1.0, 2.0], &[2]);
    let out = ops::repeat(&x, &[2])?;
    autograd::inplace("exp_", &out, true, ops::exp)?;
    backward(&[sum(&out)?], &[None], false, false, None)?;
    assert_eq!(grad_of(&x), [2.0 * 1f64.exp(), 2.0 * 2f64.exp()]);
    Ok(())
}

#[test]
fn results_of_one_composed_op_share_its_node() -> Result<()> {
    let lu = leaf(&[2.0, 1.0, 0.5, 3.0], &[2, 2]);
    let (p, l, u) = ops::lu_unpack(&lu, &Tensor::from_slice(&[1i32, 2], &[2])?, true, true)?;
    let (a, b) = (l.grad_fn().expect("a node"), u.grad_fn().expect("a node"));
    assert!(p.grad_fn().is_none() && Rc::ptr_eq(&a, &b) && a.name == "LuUnpackBackward0");
    // Only one of the results is needed.
    backward(&[sum(&u)?], &[None], false, false, None)?;
    assert_eq!(grad_of(&lu), [1.0, 1.0, 0.0, 1.0]);
    // One that is the input itself has memory of its own.
    let copy = ops::alias_copy(&lu)?;
    assert!(!copy.storage().same(lu.storage()));
    assert_eq!(values(grad(&[sum(&copy)?], &[None], &[lu], false, false)?[0].as_ref().unwrap()), [1.0; 4]);
    Ok(())
}

#[test]
fn cross_entropy_has_one_gradient_and_two_nodes() -> Result<()> {
    let x = leaf(&[0.5, -1.0, 2.0, 0.25, 3.0, -0.5], &[2, 3]);
    let target = Tensor::from_slice(&[2i64, 0], &[2])?;
    let loss = || ops::cross_entropy(&x, &target, None, -100, "mean", 0.1);
    let node = loss()?.grad_fn().unwrap();
    assert_eq!(node.inputs().len(), 1);
    assert_eq!(node.inputs()[0].as_ref().unwrap().node.name, "LogSoftmaxBackward0");
    let of = |create_graph: bool| Ok(grad(&[loss()?], &[None], &[x.clone()], false, create_graph)?[0].clone().unwrap());
    let (once, through): (Tensor, Tensor) = (of(false)?, of(true)?);
    assert!(once.grad_fn().is_none() && through.grad_fn().is_some());
    for (a, b) in values(&once).into_iter().zip(values(&through)) {
        assert!((a - b).abs() < 1e-15, "{a} is not {b}");
    }
    Ok(())
}

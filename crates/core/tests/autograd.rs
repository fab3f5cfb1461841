//! The graph: values, views, writes in place, depth, and PyTorch's errors.

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

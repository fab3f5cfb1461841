//! Out and back, with a small stand-in for TypeScript's side (ts/runtime/spill.ts).

use std::collections::HashMap;

use super::*;
use crate::{Tensor, autograd, ops};

/// A record as TypeScript keeps it.
#[derive(Clone, Debug)]
struct Record {
    kind: u32,
    slots: Vec<u32>,
    references: Vec<i64>,
    data: Vec<u8>,
    words: Vec<f64>,
}

struct Words<'a>(&'a [f64]);
impl Words<'_> {
    fn next(&mut self) -> f64 {
        let (&first, rest) = self.0.split_first().unwrap();
        self.0 = rest;
        first
    }
    fn list(&mut self) -> Vec<f64> {
        (0..self.next() as usize).map(|_| self.next()).collect()
    }
}

/// Spills these handles; what left, in the plan's order.
fn spill(candidates: &[u32]) -> Vec<Record> {
    let mut words = Vec::new();
    plan(candidates, &mut words);
    let mut w = Words(&words);
    let records = (0..w.next() as usize)
        .map(|_| {
            let kind = w.next() as u32;
            let slots = w.list().iter().map(|&s| s as u32).collect();
            let _internal = w.next();
            let references = w.list().iter().map(|&r| r as i64).collect();
            let _remotes = w.list();
            let (at, len) = (w.next() as usize, w.next() as usize);
            // Safety: the memory that the plan described is there until `commit`.
            let data =
                if at == 0 { Vec::new() } else { unsafe { std::slice::from_raw_parts(at as *const u8, len) }.to_vec() };
            Record { kind, slots, references, data, words: w.list() }
        })
        .collect();
    commit();
    records
}

/// Brings record `i` back, after what it refers to.
fn bring_back(records: &[Record], i: usize, back: &mut HashMap<usize, u32>) -> u32 {
    if let Some(&slot) = back.get(&i) {
        return slot;
    }
    let record = &records[i];
    let references: Vec<u32> = record
        .references
        .iter()
        .map(|&r| if r < 0 { (-1 - r) as u32 } else { bring_back(records, r as usize, back) })
        .collect();
    let slot = unsafe { restore(record.kind, &references, &record.words, false) }.unwrap();
    let memory = match handles::object(slot).unwrap() {
        Object::Tensor(t) => t.storage().ptr(),
        Object::Storage(s) => s.ptr(),
        Object::Node(_) => std::ptr::null_mut(),
    };
    if !record.data.is_empty() {
        unsafe { std::ptr::copy_nonoverlapping(record.data.as_ptr(), memory, record.data.len()) };
    }
    back.insert(i, slot);
    slot
}

fn leaf(values: &[f32]) -> Tensor {
    let t = Tensor::from_slice(values, &[values.len()]).unwrap();
    t.set_requires_grad(true);
    t
}

fn at(records: &[Record], slot: u32) -> usize {
    records.iter().position(|r| r.slots.contains(&slot)).expect("it left")
}

#[test]
fn a_graph_leaves_with_its_output_and_comes_back_for_backward() {
    let x = leaf(&[1.0, 2.0, 3.0]);
    // exp saves its result, mul its operands, tanh its result.
    let h = ops::exp(&x).unwrap();
    let y = ops::sum(&ops::tanh(&ops::mul(&h, &x).unwrap()).unwrap(), None).unwrap();
    let expected = autograd::grad(&[y.clone()], &[None], &[x.clone()], true, false).unwrap();
    let (hx, hh, hy) = (handles::put(x.clone()), handles::put(h), handles::put(y));
    let before = crate::storage::stats().live_bytes;
    let records = spill(&[hy, hh]);
    assert!(crate::storage::stats().live_bytes < before);
    assert!(handles::get(hy).is_err());
    // x stays: it was no candidate, and the test holds it too.
    assert!(handles::get(hx).is_ok());
    let y = handles::get(bring_back(&records, at(&records, hy), &mut HashMap::new())).unwrap();
    assert_eq!(y.grad_fn().unwrap().name, "SumBackward0");
    let got = autograd::grad(&[y], &[None], &[x], false, false).unwrap();
    assert_eq!(
        got[0].as_ref().unwrap().to_vec::<f32>().unwrap(),
        expected[0].as_ref().unwrap().to_vec::<f32>().unwrap()
    );
}

#[test]
fn a_loss_does_not_take_the_activations_along() {
    let x = leaf(&[1.0, 2.0]);
    let h = ops::exp(&x).unwrap();
    let loss = ops::sum(&h, None).unwrap();
    autograd::backward(&[loss.clone()], &[None], false, false, None).unwrap();
    let (hh, hl) = (handles::put(h), handles::put(loss));
    let records = spill(&[hh, hl]);
    // What the loss refers to, and what that refers to.
    let (mut seen, mut todo) = (Vec::new(), vec![at(&records, hl)]);
    while let Some(i) = todo.pop() {
        seen.push(i);
        todo.extend(records[i].references.iter().filter(|&&r| r >= 0).map(|&r| r as usize));
    }
    assert!(seen.len() > 1, "it has a node");
    assert!(!seen.contains(&at(&records, hh)));
    assert_eq!(seen.iter().map(|&i| records[i].data.len()).sum::<usize>(), 4);
}

#[test]
fn views_share_memory_when_they_are_back() {
    let base = Tensor::from_slice(&[1.0f32, 2.0, 3.0, 4.0], &[4]).unwrap();
    let view = ops::select(&base, 0, 2).unwrap();
    let (hb, hv) = (handles::put(base), handles::put(view));
    let records = spill(&[hb, hv]);
    let mut back = HashMap::new();
    let view = handles::get(bring_back(&records, at(&records, hv), &mut back)).unwrap();
    let base = handles::get(bring_back(&records, at(&records, hb), &mut back)).unwrap();
    assert!(view.storage().same(base.storage()));
    view.fill(9).unwrap();
    assert_eq!(base.to_vec::<f32>().unwrap(), [1.0, 2.0, 9.0, 4.0]);
}

#[test]
fn a_view_leaves_without_its_base() {
    let base = Tensor::from_slice(&[1.0f32, 2.0], &[2]).unwrap();
    let hv = handles::put(ops::select(&base, 0, 1).unwrap());
    let records = spill(&[hv]);
    let view = handles::get(bring_back(&records, at(&records, hv), &mut HashMap::new())).unwrap();
    assert!(view.storage().same(base.storage()) && view.base().unwrap().same(&base));
    drop((view, base));
}

#[test]
fn what_someone_works_with_stays() {
    let x = leaf(&[1.0]);
    let y = ops::exp(&x).unwrap();
    let h = handles::put(y.clone());
    assert!(spill(&[h]).is_empty());
    drop(y);
    assert!(!spill(&[h]).is_empty());
}

#[test]
fn one_gradient_reaches_a_leaf_by_old_and_new_graphs() {
    let x = leaf(&[2.0]);
    let hx = handles::put(x.clone());
    let hy = handles::put(ops::sum(&ops::mul(&x, &x).unwrap(), None).unwrap());
    drop(x);
    let records = spill(&[hx, hy]);
    let mut back = HashMap::new();
    let x = handles::get(bring_back(&records, at(&records, hx), &mut back)).unwrap();
    let newer = ops::sum(&ops::exp(&x).unwrap(), None).unwrap();
    let older = handles::get(bring_back(&records, at(&records, hy), &mut back)).unwrap();
    let both = ops::add(&older, &newer).unwrap();
    let g = autograd::grad(&[both], &[None], &[x], false, false).unwrap();
    let expected = 4.0 + 2.0f32.exp();
    assert!((g[0].as_ref().unwrap().item().unwrap().to_f64() - f64::from(expected)).abs() < 1e-5);
}

#[test]
fn what_waits_for_its_gradient_stays_until_it_has_it() {
    let x = leaf(&[1.0]);
    let h = ops::exp(&x).unwrap();
    let y = ops::sum(&ops::mul(&h, &h).unwrap(), None).unwrap();
    autograd::retain_grad(&h);
    let (hh, hy) = (handles::put(h), handles::put(y.clone()));
    drop(spill(&[hh]));
    assert!(handles::get(hh).is_ok());
    autograd::backward(&[y], &[None], false, false, None).unwrap();
    assert!(autograd::retains_grad(&handles::get(hh).unwrap()));
    let records = spill(&[hh, hy]);
    let h = handles::get(bring_back(&records, at(&records, hh), &mut HashMap::new())).unwrap();
    assert!((h.grad().unwrap().item().unwrap().to_f64() - 2.0 * 1f64.exp()).abs() < 1e-5);
}

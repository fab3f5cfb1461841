//! Indices that lie outside: nothing beside the operands is touched, and the next read says so.

use cresset_cpu::index::PutMode;
use cresset_lane::{Attr, Class, DType};

use crate::testing::{Layout, Memory, Operand, Rng, Scene, decode, on_each};
use crate::{Gpu, Kernel, Kind, View, launch};

fn kernel(name: &'static str) -> Kernel {
    Kernel { name, program: None, demand: None }
}

fn values(m: &Memory) -> Vec<f64> {
    m.bytes.chunks(m.dtype.size()).map(|v| decode(m.dtype, v)).collect()
}

/// Runs a scene; the first read must fail and say this. Gives what the memories then hold.
fn fails(gpu: &Gpu, s: &Scene, name: &'static str, says: &str) -> Vec<Vec<f64>> {
    let mut buffers = Vec::new();
    for m in &s.memories {
        buffers.push(gpu.upload(m.dtype, &m.bytes).unwrap());
    }
    let views = |list: &'_ [Operand]| -> Vec<usize> { list.iter().map(|o| o.memory).collect() };
    let (ins, outs) = (views(&s.ins), views(&s.outs));
    let view = |o: &'_ Operand, k: usize| {
        let o: &Operand = unsafe { &*std::ptr::from_ref(o) };
        View { buffer: &buffers[k], dtype: s.memories[k].dtype, shape: &o.shape, strides: &o.strides, offset: o.offset }
    };
    let ins: Vec<View> = s.ins.iter().zip(ins).map(|(o, k)| view(o, k)).collect();
    let outs: Vec<View> = s.outs.iter().zip(outs).map(|(o, k)| view(o, k)).collect();
    launch(gpu, kernel(name), &ins, &outs, &s.attrs).unwrap();
    let read = |k: usize| {
        let m = &s.memories[k];
        pollster::block_on(gpu.read(&buffers[k], m.dtype, 0, m.bytes.len() / m.dtype.size()))
            .map(|bytes| values(&Memory { dtype: m.dtype, bytes }))
    };
    let before = gpu.counters();
    let e = read(0).unwrap_err();
    assert_eq!((gpu.counters() - before).submits, 1, "an error takes no submission of its own");
    assert_eq!(e.kind, Kind::Found(Class::Index), "{e}");
    assert!(e.message.starts_with(&format!("{name}: {says}")), "{e}");
    // Once told it is gone.
    (0..buffers.len()).map(|k| read(k).unwrap()).collect()
}

/// A vector of 5 numbers among others, 4 indices with this one among them, and 4 numbers.
fn moving(rng: &mut Rng, bad: f64, put: bool) -> Scene {
    let mut s = Scene::default();
    let x = s.operand(DType::F32, &[5], Layout::At(6), rng, &mut |r| r.float());
    let mut index = [1.0, bad, 0.0, 4.0, 0.0, 0.0, 0.0].into_iter();
    let i = s.operand(DType::I64, &[4], Layout::RowMajor, rng, &mut |_| index.next().unwrap());
    let v = s.operand(DType::F32, &[4], Layout::At(2), rng, &mut |r| r.float() + 5.0);
    let window = Operand { shape: vec![4], strides: vec![0], ..x };
    let steps = [Attr::from(5usize), Attr::from(1i64)];
    if put {
        (s.ins, s.outs) = (vec![v, i], vec![window]);
        s.attrs(&[vec![Attr::from(PutMode::Assign)], steps.to_vec()].concat());
    } else {
        (s.ins, s.outs) = (vec![window, i], vec![v]);
        s.attrs(&steps);
    }
    s
}

#[test]
fn reading_outside() {
    on_each(|gpu| {
        for bad in [5.0, 7.0, -6.0, i32::MAX as f64, i32::MIN as f64] {
            let s = moving(&mut Rng(3), bad, false);
            let says = format!("index {bad} is out of bounds for a dimension of size 5.");
            let after = fails(gpu, &s, "index_get", &says);
            let x = values(&s.memories[0]);
            assert_eq!(after[2][2..6], [x[7], 0.0, x[6], x[10]]);
        }
        // From the end only where that is allowed.
        let mut s = moving(&mut Rng(3), -1.0, false);
        let after = s.on_gpu(gpu, kernel("index_get")).unwrap();
        assert_eq!(values(&after[2])[3], values(&s.memories[0])[10]);
        s.attrs.push(Attr::from(true));
        fails(gpu, &s, "index_get", "index -1 is out of bounds for a dimension of size 5.");
    });
}

#[test]
fn writing_outside() {
    on_each(|gpu| {
        for bad in [5.0, 7.0, -6.0, i32::MAX as f64, i32::MIN as f64] {
            for mode in [PutMode::Assign, PutMode::Add, PutMode::Max] {
                let mut s = moving(&mut Rng(3), bad, true);
                s.attrs[0] = Attr::from(mode);
                let says = format!("index {bad} is out of bounds for a dimension of size 5.");
                let after = fails(gpu, &s, "index_put", &says);
                let (mut want, v) = (values(&s.memories[0]), values(&s.memories[2]));
                for (to, from) in [(7, 2), (6, 4), (10, 5)] {
                    want[to] = match mode {
                        PutMode::Add => f64::from((want[to] as f32) + (v[from] as f32)),
                        _ => v[from],
                    };
                }
                assert_eq!(after[0], want, "{mode:?} {bad}");
            }
        }
    });
}

#[test]
fn rows_of_tables() {
    on_each(|gpu| {
        for bad in [9.0, -1.0] {
            let (mut rng, mut count) = (Rng(4), 0);
            let mut s = Scene::default();
            s.input(DType::F32, &[6, 4], Layout::RowMajor, &mut rng, |_| 1.0);
            s.input(DType::I64, &[6], Layout::RowMajor, &mut rng, |_| {
                count += 1;
                if count == 3 { bad } else { 8.0 }
            });
            s.output(DType::F32, &[9, 4], Layout::At(5), &mut rng).attrs(&[Attr::from(-1i64), Attr::from(false)]);
            let says = format!("index {bad} is out of bounds for a dimension of size 9.");
            let after = fails(gpu, &s, "embedding_backward", &says);
            let mut want = values(&s.memories[2]);
            want[5..5 + 32].fill(0.0);
            want[37..41].fill(5.0);
            assert_eq!(after[2], want);
        }
    });
}

#[test]
fn classes() {
    on_each(|gpu| {
        for (bad, reduction) in [(3.0, 0i64), (-1.0, 1), (7.0, 2)] {
            let mut rng = Rng(5);
            let mut class = [0.0, bad, 2.0, -100.0, 0.0, 0.0, 0.0].into_iter();
            let mut s = Scene::default();
            s.input(DType::F32, &[4, 3, 1], Layout::RowMajor, &mut rng, |_| -2.0);
            s.input(DType::I64, &[4, 1], Layout::RowMajor, &mut rng, |_| class.next().unwrap());
            let loss: &[usize] = if reduction == 0 { &[4, 1] } else { &[] };
            s.output(DType::F32, loss, Layout::RowMajor, &mut rng)
                .output(DType::F32, &[], Layout::RowMajor, &mut rng)
                .attrs(&[Attr::from(reduction), Attr::from(-100i64), Attr::from(0.0)]);
            fails(gpu, &s, "nll_loss", &format!("index {bad} is out of bounds for a dimension of size 3."));
        }
    });
}

#[test]
fn places_in_planes_and_masks() {
    on_each(|gpu| {
        for (name, large_in) in [("plane_gather", true), ("plane_scatter", false), ("plane_scatter_add", false)] {
            let mut rng = Rng(6);
            let mut s = Scene::default();
            let large = s.operand(DType::F32, &[1, 1, 1, 3, 4], Layout::At(5), &mut rng, &mut |r| r.float());
            let small = s.operand(DType::F32, &[1, 1, 1, 1, 3], Layout::At(5), &mut rng, &mut |r| r.float());
            let mut at = [2.0, 12.0, 7.0, 0.0, 0.0, 0.0].into_iter();
            let index =
                s.operand(DType::I64, &[1, 1, 1, 1, 3], Layout::RowMajor, &mut rng, &mut |_| at.next().unwrap());
            let (from, to) = if large_in { (large, small) } else { (small, large) };
            (s.ins, s.outs) = (vec![from, index], vec![to]);
            let after = fails(gpu, &s, name, "index 12 is out of bounds for a dimension of size 12.");
            let (x, y) = (values(&s.memories[0]), values(&s.memories[1]));
            if large_in {
                assert_eq!(after[1][5..8], [x[7], 0.0, x[12]]);
            } else {
                let mut want = x.clone();
                want[5..17].fill(0.0);
                (want[7], want[12]) = (y[5], y[7]);
                assert_eq!(after[0], want);
            }
        }
        let mut rng = Rng(7);
        let mut s = Scene::default();
        s.input(DType::F32, &[2], Layout::RowMajor, &mut rng, |r| r.float());
        s.input(DType::Bool, &[4], Layout::RowMajor, &mut rng, |_| 1.0);
        s.output(DType::F32, &[4], Layout::RowMajor, &mut rng);
        fails(gpu, &s, "masked_scatter", "index ");
    });
}

#[test]
fn the_first_is_told_once_even_if_nobody_waited() {
    on_each(|gpu| {
        let other = gpu.upload(DType::F32, &[0; 4]).unwrap();
        let run = |bad: f64| {
            let s = moving(&mut Rng(3), bad, false);
            let buffers: Vec<_> = s.memories.iter().map(|m| gpu.upload(m.dtype, &m.bytes).unwrap()).collect();
            let view = |k: usize, o: &'_ Operand| {
                let o: &Operand = unsafe { &*std::ptr::from_ref(o) };
                let dtype = s.memories[k].dtype;
                View { buffer: &buffers[k], dtype, shape: &o.shape, strides: &o.strides, offset: o.offset }
            };
            let ins = [view(0, &s.ins[0]), view(1, &s.ins[1])];
            launch(gpu, kernel("index_get"), &ins, &[view(2, &s.outs[0])], &s.attrs).unwrap();
        };
        run(20.0);
        run(30.0);
        drop(gpu.read(&other, DType::F32, 0, 1));
        let e = pollster::block_on(gpu.read(&other, DType::F32, 0, 1)).unwrap_err();
        assert!(e.message.contains("index 20 "), "{e}");
        pollster::block_on(gpu.read(&other, DType::F32, 0, 1)).unwrap();
        // What was good is not looked at again.
        run(2.0);
        pollster::block_on(gpu.read(&other, DType::F32, 0, 1)).unwrap();
        assert!(gpu.watched().is_none());
    });
}

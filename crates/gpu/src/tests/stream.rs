//! Memory, submissions, and what is counted.

use cresset_lane::expr::arith;
use cresset_lane::{Attr, DType, record_num};

use crate::pipeline::Key;
use crate::stream::Dispatch;
use crate::testing::on_each;
use crate::{Buffer, Gpu, Kernel, Kind, View, launch};

fn bytes(v: &[f32]) -> Vec<u8> {
    v.iter().flat_map(|v| v.to_ne_bytes()).collect()
}

fn floats(gpu: &Gpu, b: &Buffer, n: usize) -> Vec<f32> {
    let bytes = pollster::block_on(gpu.read(b, DType::F32, 0, n)).unwrap();
    bytes.chunks_exact(4).map(|v| f32::from_ne_bytes(v.try_into().unwrap())).collect()
}

const SQUARE: Kernel = Kernel { name: "square", program: Some(record_num::<arith::square::Op>), demand: None };
const ADD: Kernel = Kernel { name: "add", program: Some(record_num::<arith::add::Op>), demand: None };

fn run(gpu: &Gpu, kernel: Kernel, ins: &[&Buffer], out: &Buffer, n: usize) {
    let shape = [n];
    let view = |buffer| View { buffer, dtype: DType::F32, shape: &shape, strides: &[1], offset: 0 };
    let ins: Vec<View> = ins.iter().map(|b| view(b)).collect();
    launch(gpu, kernel, &ins, &[view(out)], &[]).unwrap();
}

#[test]
fn elements_of_every_dtype_come_back() {
    on_each(|gpu| {
        for (dtype, host) in [
            (DType::F32, bytes(&[1.5, f32::NAN, f32::NEG_INFINITY, -0.0])),
            (DType::I32, [i32::MIN, -1, i32::MAX].iter().flat_map(|v| v.to_ne_bytes()).collect()),
            (DType::I64, [i32::MIN as i64, -1, i32::MAX as i64].iter().flat_map(|v| v.to_ne_bytes()).collect()),
            (DType::U8, vec![0, 1, 128, 255, 7]),
            (DType::Bool, vec![0, 1, 1]),
        ] {
            let n = host.len() / dtype.size();
            let b = gpu.upload(dtype, &host).unwrap();
            assert_eq!(pollster::block_on(gpu.read(&b, dtype, 0, n)).unwrap(), host, "{dtype}");
            let last = pollster::block_on(gpu.read(&b, dtype, n - 1, 1)).unwrap();
            assert_eq!(last, host[host.len() - dtype.size()..], "{dtype}");
            assert!(pollster::block_on(gpu.read(&b, dtype, 0, 0)).unwrap().is_empty());
        }
    });
}

#[test]
fn what_the_device_cannot_hold_is_refused() {
    on_each(|gpu| {
        let e = gpu.upload(DType::I64, &[7, 1 << 31].map(i64::to_ne_bytes).concat()).err().unwrap();
        assert_eq!(e.kind, Kind::DType);
        assert!(e.message.contains("element 1, 2147483648"), "{e}");
        assert_eq!(gpu.upload(DType::F64, &[0; 8]).err().unwrap().kind, Kind::DType);
        assert_eq!(gpu.buffer(1 << 40).err().unwrap().kind, Kind::Limit);
        let b = gpu.buffer(4).unwrap();
        let v = View { buffer: &b, dtype: DType::F32, shape: &[4], strides: &[1], offset: 0 };
        let e =
            launch(gpu, Kernel { name: "no_such_kernel", program: None, demand: None }, &[v], &[v], &[]).unwrap_err();
        assert_eq!(e.kind, Kind::Unsupported);
        assert!(e.message.starts_with("no_such_kernel:"), "{e}");
    });
}

#[test]
fn a_step_that_repeats_creates_nothing() {
    on_each(|gpu| {
        let n = 3000;
        let x = gpu.upload(DType::F32, &bytes(&vec![2.0; n])).unwrap();
        let step = || {
            let batch = gpu.upload(DType::F32, &bytes(&vec![1.0; n])).unwrap();
            let mut kept = Vec::new();
            for _ in 0..5 {
                let (a, b) = (gpu.buffer(n).unwrap(), gpu.buffer(n).unwrap());
                run(gpu, SQUARE, &[&x], &a, n);
                run(gpu, ADD, &[&a, &batch], &b, n);
                kept.push(b);
            }
            floats(gpu, kept.last().unwrap(), n)
        };
        step();
        step();
        let before = gpu.counters();
        assert_eq!(step(), vec![5.0; n]);
        let did = gpu.counters() - before;
        assert_eq!((did.submits, did.passes, did.dispatches, did.uploads, did.readbacks), (1, 1, 10, 1, 1), "{did:?}");
        assert_eq!((did.buffers, did.bind_groups, did.pipelines), (0, 0, 0), "{did:?}");
    });
}

#[test]
fn a_new_shape_compiles_nothing() {
    on_each(|gpu| {
        let step = |n: usize| {
            let (a, b) = (gpu.upload(DType::F32, &bytes(&vec![3.0; n])).unwrap(), gpu.buffer(n).unwrap());
            run(gpu, SQUARE, &[&a], &b, n);
            assert_eq!(floats(gpu, &b, n), vec![9.0; n]);
        };
        step(5);
        let before = gpu.counters().pipelines;
        [1, 2, 3, 4, 6, 7, 1023, 1024, 1025, 70_001].into_iter().for_each(step);
        assert_eq!(gpu.counters().pipelines, before);
    });
}

#[test]
fn writes_come_after_what_was_recorded() {
    on_each(|gpu| {
        let x = gpu.upload(DType::F32, &bytes(&[1.0, 2.0, 3.0, 4.0])).unwrap();
        let (a, b) = (gpu.buffer(4).unwrap(), gpu.buffer(4).unwrap());
        run(gpu, SQUARE, &[&x], &a, 4);
        gpu.write(&x, DType::F32, 1, &bytes(&[10.0, 20.0])).unwrap();
        run(gpu, SQUARE, &[&x], &b, 4);
        // A buffer that is freed is used again in order, too.
        drop(x);
        let c = gpu.upload(DType::F32, &bytes(&[0.0; 4])).unwrap();
        assert_eq!(floats(gpu, &a, 4), [1.0, 4.0, 9.0, 16.0]);
        assert_eq!(floats(gpu, &b, 4), [1.0, 100.0, 400.0, 16.0]);
        assert_eq!(floats(gpu, &c, 4), [0.0; 4]);
    });
}

#[test]
fn freed_memory_is_bounded() {
    on_each(|gpu| {
        for i in 0..200 {
            let n = (1 << 20) + i * 40_000;
            let a = gpu.buffer(n).unwrap();
            run(gpu, SQUARE, &[&a], &gpu.buffer(n).unwrap(), 4);
            gpu.flush();
        }
        let stats = gpu.pool_stats();
        assert!(stats.free <= 96 << 20, "{stats:?}");
        assert_eq!(floats(gpu, &gpu.upload(DType::F32, &bytes(&[1.0])).unwrap(), 1), [1.0]);
    });
}

#[test]
fn free_memory_can_be_given_back() {
    on_each(|gpu| {
        let x = gpu.upload(DType::F32, &bytes(&[3.0; 100])).unwrap();
        run(gpu, SQUARE, &[&x], &gpu.buffer(100).unwrap(), 100);
        assert!(gpu.pool_stats().free > 0);
        gpu.release();
        assert_eq!(gpu.pool_stats().free, 0);
        let y = gpu.buffer(100).unwrap();
        run(gpu, SQUARE, &[&x], &y, 100);
        assert_eq!(floats(gpu, &y, 100), vec![9.0; 100]);
    });
}

#[test]
fn an_error_of_the_device_comes_with_the_next_read() {
    on_each(|gpu| {
        let x = gpu.upload(DType::F32, &bytes(&[3.0])).unwrap();
        gpu.dispatch(&Dispatch {
            key: Key { kernel: "a_broken_kernel", variant: 0 },
            text: &|| "fn main( {".to_string(),
            bindings: &[(&x, true)],
            params: &[],
            groups: [1, 1, 1],
            work: 0,
        });
        let e = pollster::block_on(gpu.read(&x, DType::F32, 0, 1)).unwrap_err();
        assert_eq!(e.kind, Kind::Internal);
        assert!(e.message.contains("a_broken_kernel"), "{e}");
    });
}

#[test]
fn reading_from_a_closed_device_is_an_error() {
    on_each(|gpu| {
        let x = gpu.upload(DType::F32, &bytes(&[3.0])).unwrap();
        gpu.0.device.destroy();
        assert!(pollster::block_on(gpu.read(&x, DType::F32, 0, 1)).is_err());
    });
    // Another one can be opened.
    assert!(pollster::block_on(Gpu::open()).is_ok());
}

#[test]
fn more_workgroups_than_one_dimension_has() {
    // 65,535 workgroups of 256 invocations are 16,776,960 positions, where four cannot be taken at a time.
    let n = 16_776_960 + 1000;
    on_each(|gpu| {
        let (x, y) = (gpu.buffer(n + 1).unwrap(), gpu.buffer(n).unwrap());
        let shape = [n];
        let view = |buffer, offset| View { buffer, dtype: DType::F32, shape: &shape, strides: &[1], offset };
        let number = [Attr::from(3.0), Attr::from(3i64)];
        launch(gpu, Kernel { name: "fill", program: None, demand: None }, &[], &[view(&x, 1)], &number).unwrap();
        launch(gpu, SQUARE, &[view(&x, 1)], &[view(&y, 0)], &[]).unwrap();
        for at in [0, 1000, n / 2, 16_776_959, 16_776_960, n - 1] {
            let one = pollster::block_on(gpu.read(&y, DType::F32, at, 1)).unwrap();
            assert_eq!(one, bytes(&[9.0]), "element {at}");
        }
    });
}

//! Elements that are not what an op demands: found by kernels that compute with them and by one that only looks.

use cresset_lane::expr::arith;
use cresset_lane::{Class, DType, Demand, Test, record_num};

use crate::testing::{Layout, Rng, Scene, on_each};
use crate::{Gpu, Kernel, Kind, View, launch};

static UNIT: Demand = Demand {
    class: Class::Runtime,
    test: Test::Within(0.0, 1.0),
    input: 1,
    says: |op, found| format!("{op}: {} is outside [0, 1]", found.value),
};
static DIVISOR: Demand =
    Demand { class: Class::Runtime, test: Test::NotZero, input: 1, says: |op, _| format!("{op}: zero") };
const REMAINDER: Kernel =
    Kernel { name: "remainder", program: Some(record_num::<arith::remainder::Op>), demand: Some(&DIVISOR) };
const MUL: Kernel = Kernel { name: "mul", program: Some(record_num::<arith::mul::Op>), demand: Some(&UNIT) };

/// What the first read says after a launch over two inputs of a shape, the second with `bad` as the given element.
/// Beside operands there is what no test passes.
fn told(
    gpu: &Gpu,
    kernel: Kernel,
    dtype: DType,
    shape: &[usize],
    layout: Layout,
    bad: Option<(usize, f64)>,
) -> Option<String> {
    let mut rng = Rng(11);
    let mut s = Scene::default();
    let beside = if dtype == DType::F32 { -3.0 } else { 0.0 };
    s.input(dtype, shape, layout, &mut rng, |_| 1.0).input(dtype, shape, layout, &mut rng, |_| beside);
    s.output(dtype, shape, layout, &mut rng);
    let (o, n) = (s.ins[1].clone(), shape.iter().product::<usize>());
    for i in 0..n {
        let (mut rest, mut at) = (i, o.offset as isize);
        for (&n, &step) in shape.iter().zip(&o.strides).rev() {
            at += (rest % n) as isize * step;
            rest /= n;
        }
        let v = bad.filter(|b| b.0 == i).map_or(1.0, |b| b.1);
        let size = dtype.size();
        let bytes = match dtype {
            DType::F32 => (v as f32).to_ne_bytes().to_vec(),
            DType::I64 => (v as i64).to_ne_bytes().to_vec(),
            DType::I32 => (v as i32).to_ne_bytes().to_vec(),
            _ => vec![v as u8],
        };
        s.memories[o.memory].bytes[at as usize * size..][..size].copy_from_slice(&bytes);
    }
    let result = s.on_gpu(gpu, kernel);
    result.err().map(|e| {
        assert_eq!(e.kind, Kind::Found(Class::Runtime), "{e}");
        e.message
    })
}

#[test]
fn kernels_look_while_they_compute() {
    on_each(|gpu| {
        // Four at a time with an end that is not whole, one at a time, by dimensions.
        for (shape, layout) in [(&[7][..], Layout::RowMajor), (&[7], Layout::At(3)), (&[3, 5], Layout::Scattered)] {
            let n: usize = shape.iter().product();
            for dtype in [DType::I64, DType::I32, DType::U8] {
                assert_eq!(told(gpu, REMAINDER, dtype, shape, layout, None), None, "{shape:?} {dtype}");
                for at in [0, n / 2, n - 1] {
                    let says = told(gpu, REMAINDER, dtype, shape, layout, Some((at, 0.0))).unwrap_or_default();
                    assert!(says.starts_with("remainder: zero. A GPU finds"), "{shape:?} {dtype} {at}: {says}");
                }
            }
            for v in [1.5, -2e-38, f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                let says = told(gpu, MUL, DType::F32, shape, layout, Some((n - 1, v))).unwrap_or_default();
                assert!(
                    says.starts_with(&format!("mul: {} is outside [0, 1]", v as f32 as f64)),
                    "{shape:?} {v}: {says}"
                );
            }
            for v in [0.0, -0.0, 1.0, 0.25] {
                assert_eq!(told(gpu, MUL, DType::F32, shape, layout, Some((0, v))), None, "{shape:?} {v}");
            }
        }
    });
}

#[test]
fn a_number_for_all_positions_is_looked_at() {
    on_each(|gpu| {
        for (dtype, kernel, bytes) in
            [(DType::I32, REMAINDER, 0i32.to_ne_bytes()), (DType::F32, MUL, 2f32.to_ne_bytes())]
        {
            let (x, y) = (gpu.upload(dtype, &[1; 20]).unwrap(), gpu.upload(dtype, &bytes).unwrap());
            let of = |buffer, strides| View { buffer, dtype, shape: &[5], strides, offset: 0 };
            launch(gpu, kernel, &[of(&x, &[1]), of(&y, &[0])], &[of(&x, &[1])], &[]).unwrap();
            let e = pollster::block_on(gpu.read(&x, dtype, 0, 5)).unwrap_err();
            assert_eq!(e.kind, Kind::Found(Class::Runtime), "{e}");
        }
    });
}

/// What is said of a vector's elements, looked at from the second on, every second one.
fn looked_at(gpu: &Gpu, dtype: DType, bytes: &[u8], demand: &'static Demand, bound: usize) -> Option<String> {
    let x = gpu.upload(dtype, bytes).unwrap();
    let n = bytes.len() / dtype.size();
    let view = View { buffer: &x, dtype, shape: &[n / 2], strides: &[2], offset: 1 };
    gpu.demand("an op", &view, demand, bound).unwrap();
    pollster::block_on(gpu.read(&x, dtype, 0, n)).err().map(|e| e.message)
}

#[test]
fn elements_are_looked_at_alone() {
    static LENGTH: Demand = Demand {
        class: Class::Value,
        test: Test::Inside,
        input: 0,
        says: |op, f| format!("{op}: element {} is {} of {}", f.at, f.value, f.bound),
    };
    static SUM: Demand =
        Demand { class: Class::Value, test: Test::Exactly, input: 0, says: |op, f| format!("{op}: {}", f.value) };
    static LEAST: Demand =
        Demand { class: Class::Value, test: Test::NotBelow(0.0), input: 0, says: |op, f| format!("{op}: {}", f.value) };
    static SOME: Demand =
        Demand { class: Class::Value, test: Test::NotZero, input: 0, says: |op, f| format!("{op}: {}", f.value) };
    on_each(|gpu| {
        let ints = |v: [i64; 3]| [9, v[0], 9, v[1], 9, v[2]].map(i64::to_ne_bytes).concat();
        let floats = |v: [f32; 3]| [-9.0, v[0], -9.0, v[1], -9.0, v[2]].map(f32::to_ne_bytes).concat();
        let int = |v, demand, bound| looked_at(gpu, DType::I64, &ints(v), demand, bound);
        let float = |v, demand| looked_at(gpu, DType::F32, &floats(v), demand, 0);
        assert_eq!(int([0, 3, 2], &LENGTH, 4), None);
        assert!(int([0, 2, 4], &LENGTH, 4).unwrap().starts_with("an op: element 2 is 4 of 4. A GPU"));
        assert!(int([-1, 2, 0], &LENGTH, 4).unwrap().starts_with("an op: element 0 is -1 of 4. A GPU"));
        assert_eq!(int([5, 5, 5], &SUM, 5), None);
        assert!(int([5, 6, 5], &SUM, 5).unwrap().starts_with("an op: 6. A GPU"));
        assert_eq!(float([0.0, f32::NAN, -f32::NAN], &LEAST), None);
        assert_eq!(float([f32::INFINITY, -0.0, 1e-40], &LEAST), None);
        assert!(float([0.0, f32::NAN, -0.5], &LEAST).unwrap().starts_with("an op: -0.5. A GPU"));
        assert!(float([1.0, -0.0, f32::NAN], &SOME).unwrap().starts_with("an op: -0. A GPU"));
        assert_eq!(float([1.0, -1.0, f32::NAN], &SOME), None);
    });
}

//! Random and filled tensors as ops: order of memory, dtypes, defaults, what is refused.

use cresset_core::call::GeneratorId;
use cresset_core::random::{Generator, generators};
use cresset_core::{DType, Tensor, ops};

fn seeded(seed: u64) -> Option<GeneratorId> {
    Some(generators::put(Generator::new(seed)))
}

fn floats(t: &Tensor) -> Vec<f32> {
    t.to_vec().unwrap()
}

#[test]
fn known_numbers() {
    // torch.manual_seed(42); torch.rand(2) and torch.randperm(5)
    let x = ops::rand(&[2], seeded(42), None).unwrap();
    assert_eq!(floats(&x), [0.88226926, 0.91500396]);
    let x = ops::randn(&[4], seeded(0), None).unwrap();
    assert_eq!(floats(&x), [1.5409961, -0.2934289, -2.1787894, 0.56843126]);
}

#[test]
fn fills_follow_memory() {
    let row_major = ops::rand(&[3, 4], seeded(7), None).unwrap();
    let t = Tensor::zeros(&[4, 3], DType::F32).unwrap();
    let transposed = ops::transpose(&t, 0, 1).unwrap();
    ops::uniform_(&transposed, 0.0, 1.0, seeded(7)).unwrap();
    // The stream ran through `t`, whatever view it was asked through.
    assert_eq!(floats(&t), floats(&row_major));
    // Every other column: gaps in memory stay as they were.
    let wide = Tensor::full(&[3, 8], 5.0, DType::F32).unwrap();
    let columns = ops::slice(&wide, 1, Some(0), None, 2).unwrap();
    ops::uniform_(&columns, 0.0, 1.0, seeded(7)).unwrap();
    assert_eq!(floats(&columns), floats(&row_major));
    assert_eq!(floats(&wide).iter().filter(|&&x| x == 5.0).count(), 12);
    assert_eq!(wide.storage().version(), 1);
}

#[test]
fn one_by_one_and_in_blocks() {
    // A view that is not contiguous is filled by the scalar method, a contiguous one of 16 in a block: other numbers.
    let block = ops::randn(&[4, 4], seeded(1), None).unwrap();
    let t = ops::transpose(&Tensor::zeros(&[4, 4], DType::F32).unwrap(), 0, 1).unwrap();
    ops::normal_(&t, 0.0, 1.0, seeded(1)).unwrap();
    let scalar = floats(&t);
    assert_ne!(floats(&block), scalar);
    // Its first number is that of a short tensor, which the scalar method makes too.
    let short = ops::randn(&[2], seeded(1), None).unwrap();
    assert_eq!(floats(&t)[0], floats(&short)[0]);
}

#[test]
fn integers_of_every_dtype() {
    for dtype in [DType::U8, DType::I32, DType::I64, DType::F32, DType::F64] {
        let x = ops::randint_low(3, 9, &[500], seeded(3), Some(dtype)).unwrap();
        assert_eq!(x.dtype(), dtype);
        let v = x.to_vec::<i64>().unwrap();
        assert!((3..9).all(|k| v.contains(&k)) && v.iter().all(|k| (3..9).contains(k)));
    }
    let e = ops::randint_low(5, 5, &[1], None, None).unwrap_err();
    assert!(e.message().contains("random_ expects 'from' to be less than 'to', but got from=5 >= to=5"), "{e}");
    let e = ops::randint(300, &[1], None, Some(DType::U8)).unwrap_err();
    assert!(e.message().contains("out of bounds"), "{e}");
    let x = Tensor::zeros(&[64], DType::U8).unwrap();
    ops::random_(&x, seeded(3)).unwrap();
    assert!(x.to_vec::<u8>().unwrap().iter().any(|&v| v > 127));
}

#[test]
fn weights_decide() {
    let w = Tensor::from_slice(&[0.0f32, 3.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0], &[2, 4]).unwrap();
    let x = ops::multinomial(&w, 50, true, seeded(2)).unwrap().to_vec::<i64>().unwrap();
    assert!(x[..50].iter().all(|i| [1, 3].contains(i)) && x[50..].iter().all(|i| [0, 1].contains(i)));
    let once = ops::multinomial(&w, 2, false, seeded(2)).unwrap().to_vec::<i64>().unwrap();
    assert_eq!((once[0] + once[1], once[2] + once[3]), (4, 1));
    let e = ops::multinomial(&w, 5, false, None).unwrap_err();
    assert!(e.message().contains("without replacement"), "{e}");
}

#[test]
fn ranges() {
    let ints = |t: cresset_core::Result<Tensor>| t.unwrap().to_vec::<i64>().unwrap();
    assert_eq!(ints(ops::arange(5.into(), None)), [0, 1, 2, 3, 4]);
    assert_eq!(ints(ops::arange_start(1.into(), 8.into(), 3.into(), None)), [1, 4, 7]);
    assert_eq!(ints(ops::arange_start(0.into(), (-8).into(), (-4).into(), None)), [0, -4]);
    assert_eq!(ops::arange(2.5.into(), None).unwrap().dtype(), DType::F32);
    let e = ops::arange_start(0.into(), 3.into(), 0.into(), None).unwrap_err();
    assert!(e.message().contains("step must be nonzero"), "{e}");
    let number = |v: f64| Tensor::number(v).unwrap();
    let x = ops::linspace(&number(0.0), &number(1.0), 5, None).unwrap();
    assert_eq!(floats(&x), [0.0, 0.25, 0.5, 0.75, 1.0]);
    assert_eq!(ints(ops::linspace(&number(50.0), &number(-3.0), 3, Some(DType::I64))), [50, 23, -3]);
    assert_eq!(ints(ops::logspace(&number(4.3), &number(1.2), 4, 10.0, Some(DType::I64))), [10000, 1000, 100, 10]);
    assert_eq!(floats(&ops::eye(2, Some(3), None).unwrap()), [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
}

#[test]
fn a_refilled_tensor_forgets_its_past() {
    let x = Tensor::ones(&[3], DType::F32).unwrap();
    x.set_requires_grad(true);
    let e = ops::uniform_(&x, 0.0, 1.0, None).unwrap_err();
    assert!(e.message().contains("leaf Variable"), "{e}");
    let y = ops::mul(&x, &Tensor::number(2.0).unwrap()).unwrap();
    ops::normal_(&y, 0.0, 1.0, None).unwrap();
    let g = cresset_core::autograd::grad(&[ops::sum(&y, None).unwrap()], &[None], &[x], false, false).unwrap();
    assert_eq!(floats(g[0].as_ref().unwrap()), [0.0, 0.0, 0.0]);
}

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::pool::run;
use super::*;
use crate::conv::{CONV, CONV_BACKWARD_INPUT, CONV_BACKWARD_WEIGHT};
use crate::elementwise::{COPY, real};
use crate::gemm::MATMUL;
use crate::pool::{AVG_POOL, MAX_POOL};
use crate::reduce::{ARGMAX, BATCH_NORM, BATCH_NORM_BACKWARD, LOG_SOFTMAX, SOFTMAX, SUM, VAR_MEAN};
use crate::testing::{Arr, Rng};
use crate::{Attr, Kernel, Launch, Ready, View};
use cresset_lane::expr::exponential::exp;

/// Until the workers that `set_threads` started have joined, jobs are done by fewer: both must be right.
#[test]
fn every_piece_is_done_once_and_before_the_end() {
    set_threads(4);
    assert_eq!(threads(), 4);
    let mut state = 1u64;
    for _ in 0..20_000 {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let pieces = (state >> 60) as usize;
        let counts: [AtomicUsize; 16] = Default::default();
        let threads: [AtomicUsize; 4] = Default::default();
        run(pieces, &|piece, thread| {
            counts[piece].fetch_add(1, Relaxed);
            threads[thread].fetch_add(1, Relaxed);
        });
        for (piece, count) in counts.iter().enumerate() {
            assert_eq!(count.load(Relaxed), usize::from(piece < pieces));
        }
        assert_eq!(threads.iter().map(|n| n.load(Relaxed)).sum::<usize>(), pieces);
    }
}

#[test]
fn a_job_within_a_job_and_one_beside_it_are_done_by_who_has_them() {
    set_threads(3);
    let done = AtomicUsize::new(0);
    std::thread::scope(|s| {
        for _ in 0..3 {
            s.spawn(|| {
                for _ in 0..2000 {
                    run(5, &|_, _| run(3, &|_, _| _ = done.fetch_add(1, Relaxed)));
                }
            });
        }
    });
    assert_eq!(done.load(Relaxed), 3 * 2000 * 5 * 3);
}

#[test]
fn fewer_threads_are_obeyed() {
    set_threads(4);
    set_threads(2);
    assert_eq!(threads(), 2);
    for _ in 0..2000 {
        run(8, &|_, thread| assert!(thread < 4));
    }
    set_threads(1);
    run(8, &|_, thread| assert_eq!(thread, 0));
}

/// A launch's outputs, as bits, on so many threads. Most of what a test is about is the same values: a few bits of noise.
fn bits(kernel: &Kernel, outs: &[&[usize]], ins: &[&Arr<f32>], attrs: &[Attr], indices: bool) -> Vec<Vec<u32>> {
    let mut results: Vec<Arr<f32>> = outs.iter().map(|shape| Arr::zeros(shape)).collect();
    // Positions are int64.
    let places = Arr::<i64>::zeros(outs[outs.len() - 1]);
    let mut views: Vec<View> = results.iter().map(Arr::view).collect();
    if indices {
        *views.last_mut().unwrap() = places.view();
    }
    let ins: Vec<View> = ins.iter().map(|a| a.view()).collect();
    let mut launch = Launch::new(&views, &ins, attrs);
    let plan = Plan::new(kernel, &launch);
    assert_eq!(plan.is_cut(), threads() > 1, "{} is cut where there are threads", kernel.name);
    let mut scratch = vec![0xa5u8; plan.scratch() + 64];
    launch.scratch = unsafe { scratch.as_mut_ptr().add(scratch.as_ptr().align_offset(64)) };
    plan.run(kernel, &launch);
    let of = |results: &[Arr<f32>]| -> Vec<Vec<u32>> {
        results.iter().map(|r| r.values().iter().map(|v| v.to_bits()).collect()).collect()
    };
    let bits = of(&results);
    // With what can be kept of an input the result is the same; and that is what is read, where one thread sees the input whole.
    if let Some((prepare, plan)) = kernel.prepare.and_then(|prepare| Some((prepare, (prepare.plan)(&launch)?))) {
        let mut kept = vec![0f32; plan.bytes.div_ceil(64) * 16 + 16];
        let at = unsafe { kept.as_mut_ptr().cast::<u8>().add(kept.as_ptr().cast::<u8>().align_offset(64)) };
        (prepare.run)(&launch, at);
        launch.ready = Some(Ready { input: prepare.input, way: plan.key[0], ptr: at });
        launch.outs.iter().for_each(|out| unsafe { out.ptr.write_bytes(0, out.numel() * out.dtype.size()) });
        let pieces = Plan::new(kernel, &launch);
        pieces.run(kernel, &launch);
        assert_eq!(of(&results), bits, "{}: what is kept changes the result", kernel.name);
        if threads() == 1 {
            unsafe { at.cast::<f32>().write(1e3) };
            pieces.run(kernel, &launch);
            assert_ne!(of(&results), bits, "{}: what is kept is not read", kernel.name);
        }
    }
    let last = places.values().iter().map(|&v| v as u32).collect();
    if indices {
        results.pop();
    }
    bits.into_iter().chain([last]).collect()
}

#[test]
fn results_are_the_same_bits_on_any_number_of_threads() {
    let mut rng = Rng(7);
    let mut random = |shape: &[usize]| {
        let mut a = Arr::<f32>::zeros(shape);
        a.memory.iter_mut().for_each(|v| *v = rng.float() as f32);
        a
    };
    let n = |values: &[usize]| values.iter().map(|&v| Attr::from(v)).collect::<Vec<Attr>>();
    let conv = |padding: usize| n(&[1, 1, 1, 0, padding, padding, 1, 1, 1, 1]);
    let [wide, flat, tall] = [random(&[60, 140]), random(&[1, 40_001]), random(&[500, 50])];
    let [a, b, tower] = [random(&[200, 60]), random(&[60, 250]), random(&[20, 40, 30])];
    let turned = Arr { strides: vec![1, 300], shape: vec![140, 60], ..random(&[140, 60]) };
    let [images, image] = [random(&[12, 8, 1, 10, 10]), random(&[1, 16, 1, 14, 14])];
    let [weights, more, bias] = [random(&[12, 8, 1, 3, 3]), random(&[32, 16, 1, 3, 3]), random(&[12])];
    let [plane, taps] = [random(&[1, 40, 1, 12, 12]), random(&[40, 1, 1, 3, 3])];
    let mut spoilt = random(&[1, 16, 1, 14, 14]);
    spoilt.memory[5 * 14 + 3] = f32::INFINITY;
    let large = random(&[1, 32, 1, 23, 21]);
    let [pair, coarse] = [random(&[2, 3, 1, 23, 16]), random(&[6, 3, 1, 3, 3])];
    let [line, along] = [random(&[1, 4, 1, 1, 60]), random(&[6, 4, 1, 1, 5])];
    let [large_9, one_tap] = [random(&[1, 32, 1, 24, 20]), random(&[9, 32, 1, 1, 1])];
    let depthwise = n(&[1, 1, 1, 0, 1, 1, 1, 1, 1, 40]);
    let dy = random(&[12, 12, 1, 10, 10]);
    let towers = Arr { strides: vec![1200, 1, 30], shape: vec![20, 30, 40], ..random(&[20, 40, 30]) };
    let [short, long] = [random(&[60, 50]), random(&[50, 700])];
    let spread = Arr { strides: vec![0, 1], shape: vec![200, 250], ..random(&[200, 250]) };
    // Channels of samples, columns of rows, and groups whose lines have weights of their own.
    let channels = Arr { shape: vec![25, 6, 40], strides: vec![40, 1000, 1], ..random(&[6, 25, 40]) };
    let columns = Arr { shape: vec![50, 200, 1], strides: vec![1, 50, 1], ..random(&[200, 50]) };
    let groups = random(&[30, 4, 49]);
    let [per_25, per_50, per_30, per_line] = [25, 50, 30, 120].map(|n| random(&[n, 1]));
    let per_line = Arr { shape: vec![30, 4], strides: vec![4, 1], ..per_line };
    let norm = [Attr::from(1e-5), Attr::from(false), Attr::from(true), Attr::from(true)];
    let one: &[Attr] = &[Attr::from(1.0), Attr::from(0.5)];
    let cases: &[(Kernel, &[&[usize]], &[&Arr<f32>], &[Attr], bool)] = &[
        (real::<exp::Op>(), &[&[60, 140]], &[&wide], &[], false),
        (real::<exp::Op>(), &[&[1, 40_001]], &[&flat], &[], false),
        (real::<exp::Op>(), &[&[140, 60]], &[&turned], &[], false),
        (COPY, &[&[140, 60]], &[&turned], &[], false),
        (SUM, &[&[60, 1]], &[&wide], &[Attr::from(1.0)], false),
        (SUM, &[&[1, 140]], &[&wide], &[Attr::from(1.0)], false),
        (VAR_MEAN, &[&[1, 50], &[1, 50]], &[&tall], &[Attr::from(500.0), Attr::from(1.0), Attr::from(true)], false),
        (BATCH_NORM, &[&[25, 6, 40], &[25, 1], &[25, 1], &[25, 1]], &[&channels, &per_25, &per_25], &norm, false),
        (BATCH_NORM, &[&[50, 200, 1], &[50, 1], &[50, 1], &[50, 1]], &[&columns, &per_50, &per_50], &norm, false),
        (BATCH_NORM, &[&[30, 4, 49], &[30, 1], &[30, 1], &[30, 1]], &[&groups, &per_line, &per_line], &norm, false),
        (
            BATCH_NORM_BACKWARD,
            &[&[25, 1], &[25, 1], &[25, 6, 40]],
            &[&channels, &channels, &per_25, &per_25, &per_25],
            &n(&[0, 1]),
            false,
        ),
        (
            BATCH_NORM_BACKWARD,
            &[&[50, 1], &[50, 1], &[50, 200, 1]],
            &[&columns, &columns, &per_50, &per_50],
            &n(&[0, 1]),
            false,
        ),
        (
            BATCH_NORM_BACKWARD,
            &[&[30, 4], &[30, 4], &[30, 4, 49]],
            &[&groups, &groups, &per_30, &per_30, &per_line],
            &n(&[0, 1]),
            false,
        ),
        (SOFTMAX, &[&[60, 140]], &[&wide], &n(&[1]), false),
        (LOG_SOFTMAX, &[&[60, 140]], &[&wide], &n(&[0]), false),
        (ARGMAX, &[&[60, 1]], &[&wide], &n(&[1]), true),
        (MATMUL, &[&[200, 250]], &[&a, &b], &[], false),
        (MATMUL, &[&[200, 250]], &[&a, &b, &spread], one, false),
        (MATMUL, &[&[20, 40, 40]], &[&tower, &towers], &[], false),
        (MATMUL, &[&[60, 700]], &[&short, &long], &[], false),
        (CONV, &[&[12, 12, 1, 10, 10]], &[&images, &weights, &bias], &conv(1), false),
        (CONV, &[&[1, 32, 1, 12, 12]], &[&image, &more], &conv(0), false),
        (CONV, &[&[1, 32, 1, 14, 14]], &[&image, &more], &conv(1), false),
        (CONV, &[&[1, 32, 1, 14, 14]], &[&spoilt, &more], &conv(1), false),
        (CONV_BACKWARD_INPUT, &[&[1, 16, 1, 23, 21]], &[&large, &more], &conv(1), false),
        (CONV, &[&[2, 6, 1, 13, 16]], &[&pair, &coarse], &n(&[1, 2, 1, 0, 3, 1, 1, 2, 1, 1]), false),
        (CONV, &[&[1, 6, 1, 1, 60]], &[&line, &along], &n(&[1, 1, 1, 0, 0, 2, 1, 1, 1, 1]), false),
        (CONV, &[&[1, 9, 1, 24, 20]], &[&large_9, &one_tap], &conv(0), false),
        (CONV, &[&[1, 40, 1, 12, 12]], &[&plane, &taps], &depthwise, false),
        (CONV_BACKWARD_INPUT, &[&[1, 40, 1, 12, 12]], &[&plane, &taps], &depthwise, false),
        (CONV_BACKWARD_WEIGHT, &[&[40, 1, 1, 3, 3]], &[&plane, &plane], &depthwise, false),
        (CONV_BACKWARD_INPUT, &[&[12, 8, 1, 10, 10]], &[&dy, &weights], &conv(1), false),
        (CONV_BACKWARD_WEIGHT, &[&[12, 8, 1, 3, 3]], &[&images, &dy], &conv(1), false),
        (
            MAX_POOL,
            &[&[12, 8, 1, 5, 5], &[12, 8, 1, 5, 5]],
            &[&images],
            &n(&[1, 2, 2, 1, 2, 2, 0, 0, 0, 1, 1, 1]),
            true,
        ),
        (AVG_POOL, &[&[12, 8, 1, 5, 5]], &[&images], &n(&[1, 2, 2, 1, 2, 2, 0, 0, 0, 1, 0]), false),
    ];
    for (i, (kernel, outs, ins, attrs, indices)) in cases.iter().enumerate() {
        set_threads(1);
        let alone = bits(kernel, outs, ins, attrs, *indices);
        for n in [2, 3, 5] {
            set_threads(n);
            assert!(bits(kernel, outs, ins, attrs, *indices) == alone, "case {i}, {} on {n} threads", kernel.name);
        }
    }
}

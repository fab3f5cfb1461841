//! Joins of a workgroup, in both forms: by subgroups and in workgroup memory.

use cresset_cpu as cpu;
use cresset_lane::{Attr, DType};

use crate::adapter::Options;
use crate::drivers::open_software;
use crate::kernels::join::{Join, Merge};
use crate::pipeline::Key;
use crate::stream::Dispatch;
use crate::testing::{Layout, Rng, Scene};
use crate::wgsl::link;
use crate::{Gpu, Kernel};

fn forms() -> [Vec<Gpu>; 2] {
    [true, false].map(|subgroups| open_software(Options { subgroups }))
}

/// What one workgroup makes of its invocations' values, as every one of them knows it; called twice, for a join may be.
fn joined(gpu: &Gpu, join: &Join, values: &[f32]) -> Vec<f32> {
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_ne_bytes()).collect();
    let (x, y) = (gpu.upload(DType::F32, &bytes).unwrap(), gpu.buffer(values.len()).unwrap());
    let Join { name, lanes, .. } = *join;
    let text = || {
        link(&format!(
            "@group(0) @binding(0) var<uniform> p: vec4<u32>;\n@group(0) @binding(1) var<storage, read> x: array<f32>;\n\
             @group(0) @binding(2) var<storage, read_write> y: array<f32>;\n\n{}\
             @compute @workgroup_size({lanes})\nfn main(@builtin(local_invocation_index) l: u32) {{\n  \
             let once = {name}(l, x[l]);\n  let again = {name}(l, once);\n  y[l] = select(once, again, p.x == 1u);\n}}\n",
            join.text(gpu)
        ))
    };
    gpu.dispatch(&Dispatch {
        key: Key { kernel: "join of a test", variant: (join.merge != Merge::Sum) as u64 + 2 * lanes as u64 },
        text: &text,
        bindings: &[(&x, false), (&y, true)],
        params: &[0, 0, 0, 0],
        groups: [1, 1, 1],
        work: 0,
    });
    let bytes = pollster::block_on(gpu.read(&y, DType::F32, 0, values.len())).unwrap();
    bytes.chunks_exact(4).map(|v| f32::from_ne_bytes(v.try_into().unwrap())).collect()
}

#[test]
fn both_forms_are_tested_on_every_adapter_that_has_them() {
    let [with, without] = forms();
    // SwiftShader has had subgroups of 4 for years; a lavapipe may be too old.
    assert!(with.iter().any(Gpu::uses_subgroups), "no adapter has subgroups");
    assert!(!without.iter().any(Gpu::uses_subgroups));
    for (a, b) in with.iter().zip(&without) {
        assert_eq!(a.name(), b.name());
        let text = |gpu: &Gpu| Join::sum("all", "f32", 256).text(gpu);
        assert_eq!(text(a).contains("subgroupAdd"), a.uses_subgroups());
        assert!(!text(b).contains("subgroup"));
    }
}

#[test]
fn every_invocation_has_what_all_of_them_come_to() {
    for gpu in forms().iter().flatten() {
        for lanes in [64, 256] {
            let values: Vec<f32> = (0..lanes).map(|i| (i * 7 % 61) as f32 - 20.0).collect();
            let sum = Join { again: true, ..Join::sum("all", "f32", lanes) };
            let want: f32 = values.iter().sum();
            assert_eq!(joined(gpu, &sum, &values), vec![want; lanes as usize], "{} {lanes}", gpu.name());
            let most = Join { start: "-m_inf()", merge: Merge::Max, ..sum };
            assert_eq!(joined(gpu, &most, &values), vec![40.0; lanes as usize], "{} {lanes}", gpu.name());
            // The least one stands in the last subgroup alone; NaN wins over everything.
            let mut values = vec![-1.0f32; lanes as usize];
            values[lanes as usize - 1] = f32::INFINITY;
            assert_eq!(joined(gpu, &most, &values), vec![f32::INFINITY; lanes as usize], "{} {lanes}", gpu.name());
            values[lanes as usize / 2 + 1] = f32::NAN;
            assert!(joined(gpu, &most, &values).iter().all(|v| v.is_nan()), "{} {lanes}", gpu.name());
        }
    }
}

#[test]
fn a_sum_is_the_same_every_time() {
    for gpu in forms().iter().flatten() {
        let (mut rng, mut s) = (Rng(11), Scene::default());
        s.input(DType::F32, &[40, 3000], Layout::RowMajor, &mut rng, |r| r.float() * 1e3);
        s.output(DType::F32, &[40, 1], Layout::RowMajor, &mut rng).attrs(&[Attr::from(1.0)]);
        let run = || {
            s.on_gpu(gpu, Kernel { name: cpu::reduce::SUM.name, program: None, demand: None }).unwrap().remove(1).bytes
        };
        let first = run();
        (0..5).for_each(|_| assert!(run() == first, "{}", gpu.name()));
    }
}

//! Sampling at grids, in all modes.

use cresset_cpu::grid::*;
use cresset_lane::{Attr, DType};

use crate::testing::{Layout, Rng, Scene};

#[test]
fn samples_and_gradients() {
    let mut rng = Rng(3);
    for dims in [2usize, 3] {
        let (x, y, grid): ([usize; 5], [usize; 5], [usize; 5]) = match dims {
            2 => ([2, 3, 1, 6, 5], [2, 3, 1, 4, 7], [2, 1, 4, 7, 2]),
            _ => ([2, 3, 3, 6, 5], [2, 3, 2, 4, 3], [2, 2, 4, 3, 3]),
        };
        for mode in 0..if dims == 2 { 3usize } else { 2 } {
            for padding in 0..3usize {
                for align in [false, true] {
                    let attrs = [Attr::from(dims), Attr::from(mode), Attr::from(padding), Attr::from(align)];
                    let layout = Layout::Scattered;
                    let mut s = Scene::default();
                    s.input(DType::F32, &x, layout, &mut rng, |r| r.float());
                    s.input(DType::F32, &grid, layout, &mut rng, |r| r.float() * 1.7);
                    s.output(DType::F32, &y, layout, &mut rng).attrs(&attrs);
                    s.check(GRID_SAMPLE, 1e-5, 1e-5);
                    let mut back = Scene::default();
                    back.input(DType::F32, &y, layout, &mut rng, |r| r.float());
                    back.input(DType::F32, &x, layout, &mut rng, |r| r.float());
                    back.input(DType::F32, &grid, layout, &mut rng, |r| r.float() * 1.7);
                    back.output(DType::F32, &x, layout, &mut rng)
                        .output(DType::F32, &grid, layout, &mut rng)
                        .attrs(&attrs);
                    back.check(GRID_SAMPLE_BACKWARD, 2e-5, 4e-5);
                }
            }
        }
    }
}

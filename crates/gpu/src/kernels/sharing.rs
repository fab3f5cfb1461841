//! How the results of a product of matrices are shared out among invocations, and which way is taken on which adapter.

use super::tuning;
use crate::adapter::Traits;

/// Rows and columns of the results of a workgroup, 4x4 of which are an invocation's, and the depth of a slice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Tile {
    pub rows: u32,
    pub columns: u32,
    pub depth: u32,
}

impl Tile {
    pub fn invocations(self) -> u32 {
        self.rows * self.columns / 16
    }
    /// Bytes of workgroup memory.
    fn storage(self) -> u32 {
        4 * self.depth * (self.rows + self.columns)
    }
    pub fn count(self, m: usize, n: usize) -> [usize; 2] {
        [m.div_ceil(self.rows as usize), n.div_ceil(self.columns as usize)]
    }
}

/// A way to share out results.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Sharing {
    Tiled(Tile),
    /// An invocation to a result: neighbouring invocations read neighbours of the larger matrix, or all the same element.
    Thin,
    /// A workgroup to a result, whose invocations go side by side along k.
    Dot,
}

const SMALL: Sharing = Sharing::Tiled(Tile { rows: 32, columns: 32, depth: 8 });
const LARGE: Sharing = Sharing::Tiled(Tile { rows: 64, columns: 64, depth: 16 });
const LOW: Sharing = Sharing::Tiled(Tile { rows: 16, columns: 64, depth: 8 });
const NARROW: Sharing = Sharing::Tiled(Tile { rows: 64, columns: 16, depth: 8 });

/// All ways by their names. The number of a way is part of the keys of pipelines, so there can be seven at most.
pub(crate) const ALL: [(&str, Sharing); 6] = [
    ("thin", Sharing::Thin),
    ("32x32", SMALL),
    ("64x64", LARGE),
    ("16x64", LOW),
    ("64x16", NARROW),
    ("dot", Sharing::Dot),
];

impl Sharing {
    /// Which of the texts.
    pub fn code(self) -> u64 {
        ALL.iter().position(|&(_, s)| s == self).expect("one of the ways") as u64
    }

    /// Workgroups that it takes.
    pub fn count(self, [m, n]: [usize; 2], batch: usize) -> usize {
        match self {
            Sharing::Tiled(tile) => tile.count(m, n).iter().product::<usize>() * batch,
            Sharing::Thin => (m * n * batch).div_ceil(GROUP),
            Sharing::Dot => m * n * batch,
        }
    }
}

/// Invocations of a workgroup without tiles.
pub(crate) const GROUP: usize = 64;

/// The way for a product of these sizes; `along_k` says for both matrices whether neighbours in memory are neighbours along k.
pub(crate) fn choose(traits: &Traits, [m, n, k]: [usize; 3], batch: usize, along_k: [bool; 2]) -> Sharing {
    if let Some(forced) = traits.forced.get() {
        return forced;
    }
    let t = tuning::of(traits);
    if m <= t.few || n <= t.few {
        // How the larger matrix lies decides.
        let along = along_k[usize::from(m <= t.few)];
        return if along && k >= t.dot { Sharing::Dot } else { Sharing::Thin };
    }
    let has_room = |s: Sharing| match s {
        Sharing::Tiled(tile) => tile.storage() <= traits.storage && tile.invocations() <= traits.invocations,
        _ => true,
    };
    // A subgroup of 128 (Adreno) is half empty in a workgroup of 64 invocations, which all tiles but the large one have.
    let wide = traits.least_subgroup > GROUP as u32;
    let large = t.large_tiles / if wide { 4 } else { 1 };
    if m <= 16 && n > 32 {
        LOW
    } else if n <= 16 && m > 32 {
        NARROW
    } else if m <= 32 || n <= 32 || LARGE.count([m, n], batch) < large || !has_room(LARGE) {
        SMALL
    } else {
        LARGE
    }
}

/// Into how many parts k is cut.
pub(crate) fn parts(traits: &Traits, sharing: Sharing, [m, n, k]: [usize; 3], batch: usize) -> usize {
    let t = tuning::of(traits);
    let count = sharing.count([m, n], batch);
    let needed = if sharing == Sharing::Thin { k.div_ceil(t.longest).max(1) } else { 1 };
    if count >= t.busy_groups || k < 2 * t.part {
        return needed;
    }
    (t.busy_groups / count).min(k / t.part).clamp(needed, needed.max(64))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::adapter::AdapterKind;

    fn traits(kind: AdapterKind) -> Traits {
        Traits {
            kind: Cell::new(kind),
            subgroups: Cell::new(false),
            least_subgroup: 32,
            storage: 16 << 10,
            invocations: 256,
            forced: Cell::new(None),
        }
    }

    #[test]
    fn the_table_decides_by_adapter_and_shape() {
        let (discrete, cpu) = (traits(AdapterKind::Discrete), traits(AdapterKind::Cpu));
        let both = [true, true];
        assert_eq!(choose(&discrete, [1024, 1024, 64], 1, both), LARGE);
        // 16 large tiles are too few for a discrete GPU, and enough for an integrated one.
        assert_eq!(choose(&discrete, [256, 256, 64], 1, both), SMALL);
        assert_eq!(choose(&traits(AdapterKind::Integrated), [256, 256, 64], 1, both), LARGE);
        assert_eq!(choose(&discrete, [10, 512, 64], 1, both), LOW);
        assert_eq!(choose(&discrete, [512, 10, 64], 1, both), NARROW);
        assert_eq!(choose(&discrete, [1, 512, 512], 1, [true, true]), Sharing::Dot);
        assert_eq!(choose(&discrete, [1, 512, 512], 1, [true, false]), Sharing::Thin);
        assert_eq!(choose(&cpu, [1, 512, 512], 1, [true, true]), Sharing::Thin);
        assert!(parts(&discrete, SMALL, [32, 32, 8192], 1) > 1);
        assert_eq!(parts(&cpu, SMALL, [32, 32, 1024], 1), 1);
        // More rounds of a loop than llvmpipe makes.
        assert_eq!(parts(&cpu, Sharing::Thin, [1, 1 << 20, 100_000], 1), 4);
    }

    #[test]
    fn what_an_adapter_has_no_room_for_is_not_taken() {
        let small = Traits { storage: 4 << 10, ..traits(AdapterKind::Discrete) };
        assert_eq!(choose(&small, [4096, 4096, 64], 1, [true, true]), SMALL);
        let wide = Traits { least_subgroup: 128, ..traits(AdapterKind::Discrete) };
        assert_eq!(choose(&wide, [256, 256, 64], 1, [true, true]), LARGE);
    }

    #[test]
    fn a_forced_way_is_taken_for_every_shape() {
        let t = traits(AdapterKind::Discrete);
        for (_, way) in ALL {
            t.forced.set(Some(way));
            assert_eq!(choose(&t, [1, 7, 3], 1, [true, true]), way);
        }
    }
}

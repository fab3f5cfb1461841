//! Numbers that kernels choose their ways by, for every kind of adapter.
//!
//! Those of the processor are measured, on SwiftShader and lavapipe; those of GPUs are reasoned, and nobody has measured them yet.
//! `bench/gpu-native -- --configurations` prints on any machine what they should be.

use crate::adapter::{AdapterKind, Traits};

pub(crate) struct Tuning {
    /// Workgroups of a product that keep the adapter busy: products of few results are cut along k until there are as many, which
    /// takes a second launch that waits for the first.
    pub busy_groups: usize,
    /// The fewest products of such a part.
    pub part: usize,
    /// Workgroups of the large tile from which it is taken: with fewer of them more but smaller ones use the adapter better.
    pub large_tiles: usize,
    /// Rows or columns up to which no tile is filled enough to be worth its barriers.
    pub few: usize,
    /// Products to a result from which a workgroup adds them up, where the larger matrix lies along k.
    pub dot: usize,
    /// Elements to a result from which a workgroup reduces them together.
    pub together: usize,
    /// Invocations of a reduction that keep the adapter busy; results are cut into parts until there are as many.
    pub busy: usize,
    /// The longest row that an invocation has to itself, in softmax and norms.
    pub short_row: usize,
    /// Elements that one invocation may run along.
    pub longest: usize,
}

/// Tens to hundreds of cores, each of which hides its waiting with several workgroups. A dependent launch costs 24 to 36 us on Vulkan
/// (arXiv 2604.02344), in which such a GPU makes 10^8 multiply-adds: so few products are cut into parts, and 32 workgroups pass for
/// enough, but not every one of them for a large tile.
const DISCRETE: Tuning = Tuning {
    busy_groups: 32,
    part: 256,
    large_tiles: 64,
    few: 4,
    dot: 128,
    together: 128,
    busy: 16_384,
    short_row: 32,
    longest: usize::MAX,
};

/// A few to some tens of cores.
const INTEGRATED: Tuning = Tuning { busy_groups: 16, large_tiles: 16, busy: 4096, ..DISCRETE };

/// A GPU that does not say may be either (in a browser each of them): between both.
const UNKNOWN: Tuning = Tuning { large_tiles: 32, busy: 8192, ..DISCRETE };

/// SwiftShader makes a coroutine of every subgroup of a workgroup that has barriers, and switches between them at each: some 8 us for
/// each of them, so that a workgroup of 256 in subgroups of 4 takes half a millisecond, whatever it computes. That a workgroup to
/// each result shares the reading does not matter to a processor. So results are invocations, and tiles are for products in which an
/// element is used often. Of tiles those of 32 and 64 are within a tenth of each other; 16x64 and 64x16 win where they are filled,
/// and from 5 rows on over an invocation to a result. llvmpipe (Mesa 22.3) ends all loops of an invocation after 65,535 rounds.
const CPU: Tuning = Tuning {
    busy_groups: 4,
    part: 4096,
    large_tiles: 1,
    few: 5,
    dot: usize::MAX,
    together: LONGEST,
    busy: 1024,
    short_row: 16_384,
    longest: LONGEST,
};
const LONGEST: usize = 32_768;

/// The numbers of an adapter.
pub(crate) fn of(traits: &Traits) -> &'static Tuning {
    match traits.kind.get() {
        AdapterKind::Discrete => &DISCRETE,
        AdapterKind::Integrated => &INTEGRATED,
        AdapterKind::Unknown => &UNKNOWN,
        AdapterKind::Cpu => &CPU,
    }
}

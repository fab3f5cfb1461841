//! Bind groups, kept by the buffers that they name, and memory chosen so that they are found again.
//!
//! A program that repeats a step makes its tensors in the same order, but which memory they get depends on what was freed meanwhile: a
//! handle that nobody holds any more keeps its memory until the engine's collector comes round. So memory is settled late: a
//! buffer that nothing was recorded with yet may have any free block of its size, and gets one that stood in its place
//! the last time its kernel met the same other buffers. Then the bind group exists, and the kernel after it, which reads the result,
//! finds its own in turn. Where that block is not free another one joins it, one that stands in no other place if the pool has any: so every
//! place comes to have as many blocks of its own as it ever needed at once, and after that nothing is made.

use std::collections::HashMap;

use smallvec::SmallVec;

use crate::counters::bump;
use crate::device::Gpu;
use crate::pipeline::{MAX_BINDINGS, PARAMS, Signature};
use crate::pool::{Block, Buffer, Pool};
use crate::stream::Dispatch;

/// Bind groups that are kept; a loop over new buffers without end must not keep them all.
const GROUPS: usize = 8192;
/// Marks the size of a block that is not settled, in the place of a block's number.
const OPEN: u64 = 1 << 63;

#[derive(Default)]
pub(crate) struct Groups {
    made: HashMap<GroupKey, wgpu::BindGroup>,
    /// What groups were settled for by what was known before, in the order in which they were made.
    settled: HashMap<GroupKey, Vec<Chosen>>,
}

/// The number of the block behind each binding.
type Blocks = [u64; MAX_BINDINGS];

/// The blocks of a group's bindings that were open, in their order.
type Chosen = SmallVec<[Block; 2]>;

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct GroupKey {
    signature: Signature,
    blocks: Blocks,
}

impl GroupKey {
    fn new(signature: Signature, numbers: impl Iterator<Item = u64>) -> GroupKey {
        let mut blocks = [u64::MAX; MAX_BINDINGS];
        blocks.iter_mut().zip(numbers).for_each(|(block, number)| *block = number);
        GroupKey { signature, blocks }
    }
}

impl Groups {
    /// Drops the groups of blocks that are gone.
    pub fn forget(&mut self, gone: &[u64], pool: &mut Pool) {
        self.made.retain(|key, _| !key.blocks.iter().any(|id| gone.contains(id)));
        self.settled.retain(|asked, groups| {
            let known = !asked.blocks.iter().any(|id| gone.contains(id));
            groups.retain(|chosen| {
                let stays = known && !chosen.iter().any(|block| gone.contains(&block.id));
                if !stays {
                    chosen.iter().for_each(|block| pool.want(block, |n| n - 1));
                }
                stays
            });
            !groups.is_empty()
        });
    }

    /// Drops all of them.
    fn clear(&mut self, pool: &mut Pool) {
        self.settled.values().flatten().flatten().for_each(|block| pool.want(block, |_| 0));
        *self = Groups::default();
    }
}

impl Gpu {
    /// The group of a dispatch, made if there is none. What memory it has is settled then.
    pub(crate) fn group(&self, signature: Signature, d: &Dispatch) -> wgpu::BindGroup {
        let buffers = || d.bindings.iter().map(|&(buffer, _)| buffer);
        let mut open: SmallVec<[&Buffer; 2]> = SmallVec::new();
        for buffer in buffers().filter(|b| b.open().is_some()) {
            // What is only read may stand in two places.
            if !open.iter().any(|other| other.same(buffer)) {
                open.push(buffer);
            }
        }
        let asked = (!open.is_empty()).then(|| {
            GroupKey::new(signature, buffers().map(|b| b.open().map_or_else(|| self.block(b).id, |bytes| OPEN | bytes)))
        });
        if let Some(asked) = asked {
            let groups = self.0.groups.borrow();
            let mut known = groups.settled.get(&asked).into_iter().flatten();
            if let Some(chosen) = known.find(|chosen| chosen.iter().all(|block| block.free.get())) {
                let pool = &mut *self.0.pool.borrow_mut();
                open.iter().zip(chosen).for_each(|(buffer, block)| buffer.settle(pool.redeem(block)));
            }
        }
        let key = GroupKey::new(signature, buffers().map(|b| self.block(b).id));
        let groups = &mut *self.0.groups.borrow_mut();
        if let Some(group) = groups.made.get(&key) {
            return group.clone();
        }
        let pool = &mut *self.0.pool.borrow_mut();
        if groups.made.len() >= GROUPS {
            groups.clear(pool);
        }
        if let Some(asked) = asked {
            let chosen: Chosen = open.iter().map(|buffer| self.block(buffer).clone()).collect();
            chosen.iter().for_each(|block| pool.want(block, |n| n + 1));
            groups.settled.entry(asked).or_default().push(chosen);
        }
        groups.made.entry(key).or_insert(self.make_group(signature, d)).clone()
    }

    fn make_group(&self, signature: Signature, d: &Dispatch) -> wgpu::BindGroup {
        bump(&self.0.counting.bind_groups);
        let params =
            wgpu::BufferBinding { buffer: self.uniforms(), offset: 0, size: std::num::NonZeroU64::new(PARAMS) };
        let mut entries = vec![wgpu::BindGroupEntry { binding: 0, resource: wgpu::BindingResource::Buffer(params) }];
        for (k, &(buffer, _)) in d.bindings.iter().enumerate() {
            let resource = self.block(buffer).raw.as_entire_binding();
            entries.push(wgpu::BindGroupEntry { binding: k as u32 + 1, resource });
        }
        let layout = &self.layout(signature).group;
        self.0.device.create_bind_group(&wgpu::BindGroupDescriptor { label: None, layout, entries: &entries })
    }
}
